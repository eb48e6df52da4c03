import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DownloadArgs, DownloadedFile, Hub, HubFile, PublishArgs } from '@tuning/hub';

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

/** A hub with one repo, and the faults it has before it answers. */
export class FakeHub {
  /** Path and content of the repo's files. */
  files: Record<string, string>;
  /** Thrown one after the other; afterwards the call works. */
  readonly faults: Record<'list' | 'download', Error[]> = { list: [], download: [] };
  /** Thrown by every call. */
  broken: Partial<Record<'list' | 'download', Error>> = {};
  readonly calls = { list: 0, download: 0 };
  readonly published: PublishArgs[] = [];

  constructor(files: Record<string, string>) {
    this.files = files;
  }

  list = async (): Promise<HubFile[]> => {
    this.#turn('list');
    return Object.entries(this.files).map(([path, content]) => ({ path, size: Buffer.byteLength(content) }));
  };

  download = async ({ to, accept }: DownloadArgs): Promise<DownloadedFile[]> => {
    const wanted = Object.entries(this.files).filter(([path]) => accept?.(path) ?? true);
    await mkdir(to, { recursive: true });
    for (const [at, [path, content]] of wanted.entries()) {
      await writeFile(join(to, path), content);
      // A download that fails leaves a part behind.
      if (at === 0) this.#turn('download');
    }
    return wanted.map(([path, content]) => ({ path, size: content.length, sha256: sha256(content) }));
  };

  publish = async (args: PublishArgs): Promise<{ revision: string }> => {
    this.published.push(args);
    return { revision: 'c'.repeat(40) };
  };

  /** Path and digest of what a download brings. */
  digests(): { path: string; sha256: string }[] {
    return Object.entries(this.files).map(([path, content]) => ({ path, sha256: sha256(content) }));
  }

  asHub(): Hub {
    return this as unknown as Hub;
  }

  #turn(call: 'list' | 'download'): void {
    this.calls[call] += 1;
    const fault = this.broken[call] ?? this.faults[call].shift();
    if (fault) throw fault;
  }
}
