import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BadInputError, retry } from '@tuning/kit';
import { ContentHash, idsOfFile, isContentOf } from './content-hash.ts';
import { HubHttpError, isPassing } from './errors.ts';
import type { DownloadArgs, DownloadedFile, HubCallOptions, HubFile, RepoRef } from './hub.ts';
import { errorOf, ownError } from './hub-fetch.ts';
import { linkedAbort } from './linked-abort.ts';
import { requirePaths } from './names.ts';
import type { Session } from './session.ts';

/** Files in flight at once: enough to hide the latency of small ones. */
const PARALLEL = 4;

/** See {@link Hub.download}. */
export async function download(
  session: Session,
  args: DownloadArgs,
  options: HubCallOptions = {},
): Promise<DownloadedFile[]> {
  const listed = await session.files(args, options.signal);
  const files = listed.filter(({ path }) => args.accept?.(path) ?? true);
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  const { maxBytes, maxFiles } = args.limits;
  if (files.length > maxFiles || totalBytes > maxBytes) {
    throw new BadInputError(
      'HUB_DOWNLOAD_LIMIT',
      `${args.repo} at ${args.revision} has ${files.length} files with ${totalBytes} bytes; ` +
        `at most ${maxFiles} files with ${maxBytes} bytes are taken`,
      { details: { files: files.length, bytes: totalBytes, maxFiles, maxBytes } },
    );
  }
  requirePaths(files.map(({ path }) => path));
  await mkdir(args.to, { recursive: true });

  const stop = linkedAbort(options.signal);
  let doneBytes = 0;
  const onBytes = (count: number, path: string): void => {
    doneBytes += count;
    options.onProgress?.({ doneBytes, totalBytes, path });
  };
  const done: DownloadedFile[] = new Array(files.length);
  const queue = files.entries();
  const work = async (): Promise<void> => {
    for (const [index, file] of queue) {
      done[index] = await fetchFile(session, args, file, stop.signal, (count) => onBytes(count, file.path));
    }
  };
  const workers = Array.from({ length: Math.min(PARALLEL, files.length) }, () =>
    work().catch((error: unknown) => {
      // The first failure ends the others; their errors are only its echo.
      if (!stop.signal.aborted) stop.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  stop.unlink();
  if (results.some(({ status }) => status === 'rejected')) throw stop.signal.reason;
  return done;
}

async function fetchFile(
  session: Session,
  args: DownloadArgs,
  file: HubFile,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<DownloadedFile> {
  signal.throwIfAborted();
  const target = join(args.to, file.path);
  const present = await lstat(target).catch(() => undefined);
  if (present?.isFile() && present.size === file.size) {
    const ids = await idsOfFile(target, signal);
    if (isContentOf(file, ids)) {
      onBytes(file.size);
      return { path: file.path, size: file.size, sha256: ids.sha256 };
    }
  }
  await mkdir(dirname(target), { recursive: true });
  const partial = join(args.to, `.${randomUUID()}.part`);
  try {
    const handle = await open(partial, 'wx', 0o644);
    let sha256: string;
    try {
      sha256 = await session.guard(`download ${args.type} ${args.repo} ${file.path}`, args, signal, () =>
        new FileTransfer(session, args, file, handle, onBytes).run(signal),
      );
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, target);
    return { path: file.path, size: file.size, sha256 };
  } finally {
    await rm(partial, { force: true });
  }
}

/** One file on its way to disk. A cut connection goes on at the byte where it ended. */
class FileTransfer {
  readonly #session: Session;
  readonly #ref: RepoRef & { revision: string };
  readonly #file: HubFile;
  readonly #handle: FileHandle;
  readonly #onBytes: (count: number) => void;
  #hash: ContentHash;
  #at = 0;

  constructor(
    session: Session,
    ref: RepoRef & { revision: string },
    file: HubFile,
    handle: FileHandle,
    onBytes: (count: number) => void,
  ) {
    this.#session = session;
    this.#ref = ref;
    this.#file = file;
    this.#handle = handle;
    this.#onBytes = onBytes;
    this.#hash = new ContentHash(file.size);
  }

  /** sha256 of the content. @throws BadInputError `HUB_HASH_MISMATCH`. */
  async run(signal: AbortSignal): Promise<string> {
    const { attempts, baseMs, logger } = this.#session.settings;
    await retry(() => this.#attempt(signal), {
      attempts,
      baseMs,
      logger,
      what: `download ${this.#file.path}`,
      signal,
      shouldRetry: (error) =>
        error instanceof HubHttpError ? isPassing(error.status) : !(error instanceof BadInputError),
      retryAfterMs: (error) => (error instanceof HubHttpError ? error.retryAfterMs : undefined),
    });
    const { sha256, blob } = this.#hash.end();
    const { size, path } = this.#file;
    if (!isContentOf(this.#file, { size, sha256, blob })) {
      throw this.#mismatch(`${path} has other content than its hash in the list`);
    }
    return sha256;
  }

  #mismatch(what: string): BadInputError {
    const { repo, revision } = this.#ref;
    return new BadInputError('HUB_HASH_MISMATCH', `${what} (${repo} at ${revision}): not used`);
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    if (this.#file.size > 0 && this.#at === this.#file.size) return;
    const { endpoint, idleMs } = this.#session.settings;
    const { type, repo, revision } = this.#ref;
    const path = this.#file.path.split('/').map(encodeURIComponent).join('/');
    const url = new URL(`${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${repo}/resolve/${revision}/${path}`);
    const stop = linkedAbort(signal);
    const late = () => stop.abort(new Error(`no byte within ${idleMs} ms`));
    let timer = setTimeout(late, idleMs);
    try {
      // A redirect to another host (CDN) is followed; fetch drops the token there.
      const response = await fetch(url, {
        headers: {
          ...this.#session.authorization(),
          'Accept-Encoding': 'identity',
          ...(this.#at > 0 ? { Range: `bytes=${this.#at}-` } : {}),
        },
        signal: stop.signal,
      });
      if (!response.ok) throw errorOf(response, await firstBytes(response));
      this.#continueOrRestart(response);
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = setTimeout(late, idleMs);
        await this.#take(chunk);
      }
      if (this.#at < this.#file.size) throw new Error(`ended after ${this.#at} of ${this.#file.size} bytes`);
    } catch (error) {
      if (error instanceof BadInputError) throw error;
      throw ownError(error, url, stop.signal);
    } finally {
      clearTimeout(timer);
      stop.unlink();
    }
  }

  #continueOrRestart(response: Response): void {
    if (this.#at === 0) return;
    const range = response.headers.get('content-range') ?? '';
    if (response.status === 206 && range.startsWith(`bytes ${this.#at}-`)) return;
    if (response.status === 206) throw new Error('the hub sent another range than asked for');
    this.#onBytes(-this.#at);
    this.#at = 0;
    this.#hash = new ContentHash(this.#file.size);
  }

  async #take(chunk: Uint8Array): Promise<void> {
    if (this.#at + chunk.length > this.#file.size) {
      throw this.#mismatch(`${this.#file.path} is longer than the ${this.#file.size} bytes in the list`);
    }
    for (let done = 0; done < chunk.length; ) {
      done += (await this.#handle.write(chunk, done, chunk.length - done, this.#at + done)).bytesWritten;
    }
    this.#hash.update(chunk);
    this.#at += chunk.length;
    this.#onBytes(chunk.length);
  }
}

/** Enough of an error page to read the hub's reason. */
async function firstBytes(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > 64 * 1024) break;
  }
  return Buffer.concat(chunks);
}
