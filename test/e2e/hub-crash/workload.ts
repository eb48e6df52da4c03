import { createHash } from 'node:crypto';
import {
  type CommitOperation,
  commit,
  createBranch,
  createRepo,
  deleteBranch,
  deleteRepo,
  downloadFile,
  listFiles,
} from '@huggingface/hub';
import { expect } from 'vitest';

export interface Access {
  hubUrl: string;
  accessToken: string;
}

/** Bytes that depend on their name only. */
export function bytesOf(seed: string, size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at * 32 < size; at++) blocks.push(createHash('sha256').update(`${seed}/${at}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

interface Acknowledged {
  repo: string;
  branch: string;
  revision: string;
  files: ReadonlyMap<string, Buffer>;
}

/** What a client was told: each answer of the hub that said yes, and the one change that nobody has answered. */
export class Ledger {
  commits: Acknowledged[] = [];
  /** Revision of `repo@branch`; undefined: deleted. */
  readonly branches = new Map<string, string | undefined>();
  readonly repos = new Map<string, 'there' | 'gone'>();
  /** Changes under way when the hub died: either outcome is right. */
  readonly open = new Set<string>();

  async #change<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.open.add(key);
    const done = await work();
    this.open.delete(key);
    return done;
  }

  async createRepo(access: Access, repo: string): Promise<void> {
    await this.#change(repo, () => createRepo({ repo, visibility: 'public', ...access }));
    this.repos.set(repo, 'there');
  }

  async deleteRepo(access: Access, repo: string): Promise<void> {
    await this.#change(repo, () => deleteRepo({ repo, ...access }));
    this.repos.set(repo, 'gone');
  }

  async commit(access: Access, repo: string, branch: string, files: Map<string, Buffer>, gone: string[] = []) {
    const operations: CommitOperation[] = [
      ...[...files].map(([path, bytes]) => ({
        operation: 'addOrUpdate' as const,
        path,
        content: new Blob([bytes as Buffer<ArrayBuffer>]),
      })),
      ...gone.map((path) => ({ operation: 'delete' as const, path })),
    ];
    const key = `${repo}@${branch}`;
    const done = await this.#change(key, () =>
      commit({ repo, branch, title: 'work', operations, useXet: false, ...access }),
    );
    const revision = done?.commit.oid ?? '';
    this.branches.set(key, revision);
    this.commits.push({ repo, branch, revision, files });
  }

  async createBranch(access: Access, repo: string, branch: string): Promise<void> {
    const key = `${repo}@${branch}`;
    await this.#change(key, () => createBranch({ repo, branch, ...access }));
    this.branches.set(key, this.branches.get(`${repo}@main`));
  }

  async deleteBranch(access: Access, repo: string, branch: string): Promise<void> {
    const key = `${repo}@${branch}`;
    // Whoever asks for this gives its commits up.
    this.commits = this.commits.filter((known) => known.repo !== repo || known.branch !== branch);
    await this.#change(key, () => deleteBranch({ repo, branch, ...access }));
    this.branches.set(key, undefined);
  }

  /** Every acknowledged answer still holds. */
  async verify(access: Access): Promise<void> {
    for (const [repo, state] of this.repos) {
      if (!this.open.has(repo)) expect(await exists(access, repo), repo).toBe(state === 'there');
    }
    for (const { repo, revision, files } of this.commits) {
      if (this.repos.get(repo) === 'gone' || this.open.has(repo)) continue;
      for (const [path, bytes] of files) {
        const blob = await downloadFile({ repo, path, revision, ...access });
        const got = Buffer.from((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
        expect(got.equals(bytes), `${repo}@${revision} ${path}`).toBe(true);
      }
    }
    for (const [key, revision] of this.branches) {
      const [repo = '', branch = ''] = key.split('@');
      if (this.open.has(key) || this.open.has(repo) || this.repos.get(repo) === 'gone') continue;
      const answer = await fetch(`${access.hubUrl}/api/models/${repo}/revision/${encodeURIComponent(branch)}`);
      const sha = answer.status === 404 ? undefined : ((await answer.json()) as { sha: string }).sha;
      expect(sha, key).toBe(revision);
    }
  }
}

async function exists(access: Access, repo: string): Promise<boolean> {
  const answer = await fetch(`${access.hubUrl}/api/models/${repo}`, { method: 'HEAD' });
  return answer.status === 200;
}

/** One of each change, one after the other. */
export async function oneByOne(access: Access, ledger: Ledger): Promise<void> {
  const repo = 'alice/steps';
  await ledger.createRepo(access, repo);
  await ledger.commit(
    access,
    repo,
    'main',
    new Map([
      ['a.txt', bytesOf('a', 100)],
      ['small.bin', bytesOf('s', 5000)],
    ]),
  );
  await ledger.commit(access, repo, 'main', new Map([['large.bin', bytesOf('l', 25_000)]]));
  await ledger.createBranch(access, repo, 'dev');
  await ledger.commit(access, repo, 'dev', new Map([['b.txt', bytesOf('b', 10)]]), ['a.txt']);
  await ledger.deleteBranch(access, repo, 'dev');
  await ledger.createRepo(access, 'alice/short-lived');
  await ledger.commit(access, 'alice/short-lived', 'main', new Map([['small.bin', bytesOf('s', 5000)]]));
  await ledger.deleteRepo(access, 'alice/short-lived');
  await ledger.commit(access, repo, 'main', new Map([['large.bin', bytesOf('l2', 21_000)]]));
}

/** Many changes at once; commits on one branch wait for each other, so the branch may be at any of them. */
export async function atOnce(access: Access, ledger: Ledger): Promise<void> {
  const writers = [1, 2, 3].map(async (writer) => {
    const repo = `alice/busy${writer % 2}`;
    if (writer < 3) await ledger.createRepo(access, repo);
    else await waitForRepo(access, repo);
    const branch = `writer${writer}`;
    await ledger.createBranch(access, repo, branch);
    for (const round of [1, 2]) {
      const name = `${writer}-${round}`;
      const files = new Map([
        [`${name}.txt`, bytesOf(name, 50)],
        [`${name}.bin`, bytesOf(name, 24_000)],
      ]);
      await ledger.commit(access, repo, branch, files);
    }
  });
  const results = await Promise.allSettled(writers);
  const failed = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed) throw failed.reason;
}

/** Asks until the repo of another writer is there. */
async function waitForRepo(access: Access, repo: string): Promise<void> {
  while (!(await exists(access, repo))) await new Promise((resolve) => setTimeout(resolve, 5));
  for await (const _file of listFiles({ repo, ...access })) break;
}
