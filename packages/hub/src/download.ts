import { mkdir } from 'node:fs/promises';
import { BadInputError } from '@tuning/kit';
import { downloadFile, type Limiter } from './file-download.ts';
import type { DownloadArgs, DownloadedFile, HubCallOptions } from './hub.ts';
import { linkedAbort } from './linked-abort.ts';
import { requirePaths } from './names.ts';
import type { Session } from './session.ts';

/** Requests in flight at once: enough to hide the latency of small files and to fill a line with pieces of large ones. */
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
    if (count === 0) return;
    doneBytes += count;
    options.onProgress?.({ doneBytes, totalBytes, path });
  };
  const limit = limiterOf(PARALLEL);
  const done: DownloadedFile[] = new Array(files.length);
  const queue = files.entries();
  const work = async (): Promise<void> => {
    for (const [index, file] of queue) {
      done[index] = await downloadFile(session, args, file, limit, stop.signal, (count) => onBytes(count, file.path));
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

function limiterOf(count: number): Limiter {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
