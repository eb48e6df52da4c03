import { whoAmI } from '@huggingface/hub';
import { OperatorError, silentLogger } from '@tuning/kit';
import { z } from 'zod';
import { download } from './download.ts';
import type {
  DownloadArgs,
  Hub,
  HubCallOptions,
  HubFile,
  HubOptions,
  PublishArgs,
  RepoRef,
  Visibility,
} from './hub.ts';
import { createHubFetch } from './hub-fetch.ts';
import { requireCommitId, requireRepo, requireRevisionName } from './names.ts';
import { checkPublishArgs, publish } from './publish.ts';
import { Session } from './session.ts';

const whoSchema = z.object({
  name: z.string(),
  orgs: z.array(z.object({ name: z.string() })).default([]),
  auth: z.object({ accessToken: z.object({ role: z.string() }).optional() }).optional(),
});

/**
 * A client of one hub for one user. Opens nothing and asks nothing until a method is called.
 * @throws OperatorError `HUB_ENDPOINT_INVALID`, `HUB_TOKEN_INVALID` (not of the form `hf_…`).
 */
export function createHub(options: HubOptions): Hub {
  const {
    token,
    logger = silentLogger,
    timeoutMs = 30_000,
    idleMs = 60_000,
    attempts = 5,
    retryBaseMs = 500,
    pieceBytes = 32 * 1024 ** 2,
  } = options;
  if (token && !/^hf_\w{1,200}$/.test(token.reveal())) {
    throw new OperatorError('HUB_TOKEN_INVALID', 'the HF token must have the form hf_…: set a valid HF_TOKEN');
  }
  const endpoint = checkedEndpoint(options.endpoint);
  return new HubClient(
    new Session({ endpoint, logger, timeoutMs, idleMs, attempts, baseMs: retryBaseMs, pieceBytes }, token),
  );
}

/** The library puts endpoint and path together as text: no slash at the end, nothing but the origin. */
function checkedEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '' && url.hash === '';
  if (!url || !plain || url.username !== '' || url.password !== '') {
    throw new OperatorError('HUB_ENDPOINT_INVALID', 'the hub endpoint must be a URL like https://huggingface.co');
  }
  return url.origin;
}

class HubClient implements Hub {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get endpoint(): string {
    return this.#session.endpoint;
  }

  async whoAmI(options: HubCallOptions = {}): Promise<{ name: string; role: string; orgs: string[] }> {
    const { signal } = options;
    const accessToken = this.#session.requireToken(`log in at ${this.endpoint}`);
    return this.#session.guard('ask who the token belongs to', undefined, signal, async () => {
      const who = whoSchema.parse(await whoAmI({ ...this.#session.access({ signal }), accessToken }));
      const role = who.auth?.accessToken?.role ?? 'unknown';
      return { name: who.name, role, orgs: who.orgs.map(({ name }) => name) };
    });
  }

  async requireWrite(namespace: string, options: HubCallOptions = {}): Promise<void> {
    const { name, role, orgs } = await this.whoAmI(options);
    if (role === 'read') {
      throw new OperatorError(
        'HUB_TOKEN_READ_ONLY',
        `the HF token of ${name} is read-only: make a token with write permission and set HF_TOKEN`,
      );
    }
    if (![name, ...orgs].some((own) => own.toLowerCase() === namespace.toLowerCase())) {
      throw new OperatorError(
        'HUB_WRONG_NAMESPACE',
        `the HF token belongs to ${[name, ...orgs].join(', ')} and can't write under ${namespace}`,
      );
    }
  }

  async resolve(ref: RepoRef & { revision?: string }, options: HubCallOptions = {}) {
    requireRepo(ref);
    if (ref.revision !== undefined) requireRevisionName(ref.revision);
    return this.#session.info(ref, ref.revision, options.signal);
  }

  async list(ref: RepoRef & { revision: string }, options: HubCallOptions = {}): Promise<HubFile[]> {
    requireRepo(ref);
    requireCommitId(ref.revision);
    return this.#session.files(ref, options.signal);
  }

  async publish(args: PublishArgs, options: HubCallOptions = {}): Promise<{ revision: string }> {
    options.signal?.throwIfAborted();
    checkPublishArgs(this.#session, args);
    await this.requireWrite(args.repo.split('/')[0] as string, options);
    return publish(this.#session, args, this.setVisibility.bind(this), options);
  }

  async setVisibility(ref: RepoRef, visibility: Visibility, options: HubCallOptions = {}): Promise<void> {
    requireRepo(ref);
    const { signal } = options;
    const what = `make ${ref.type} ${ref.repo} ${visibility}`;
    const token = this.#session.requireToken(what);
    // The library has no call for this. Python's update_repo_settings sends the same.
    await this.#session.guard(what, ref, signal, () =>
      createHubFetch(this.#session.settings, { signal })(`${this.endpoint}/api/${ref.type}s/${ref.repo}/settings`, {
        method: 'PUT',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ private: visibility === 'private' }),
      }),
    );
  }

  async download(args: DownloadArgs, options: HubCallOptions = {}) {
    requireRepo(args);
    requireCommitId(args.revision);
    options.signal?.throwIfAborted();
    return download(this.#session, args, options);
  }
}
