import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { type ContentIds, idsOfFile, isContentOf } from './content-hash.ts';
import type { DownloadArgs, DownloadedFile, HubFile } from './hub.ts';
import { linkedAbort } from './linked-abort.ts';
import { claimPartial } from './partial-claim.ts';
import { PartialFile } from './partial-file.ts';
import { PieceTransfer, type TransferArgs } from './piece-transfer.ts';
import type { Session } from './session.ts';

/** Runs at most so many of what it is given at once. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Brings one file to its place: what is there already is kept, what came in an earlier try is gone on with, large files
 * come in several pieces at once. It has its name only once its hash was right.
 * @throws BadInputError `HUB_HASH_MISMATCH`.
 */
export async function downloadFile(
  session: Session,
  args: DownloadArgs,
  file: HubFile,
  limit: Limiter,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<DownloadedFile> {
  signal.throwIfAborted();
  const target = join(args.to, file.path);
  const present = await lstat(target).catch(() => undefined);
  if (present?.isFile() && present.size === file.size) {
    const ids = await idsOfFile(target, { blob: file.sha256 === undefined, signal });
    if (isContentOf(file, ids)) {
      onBytes(file.size);
      return { path: file.path, size: file.size, sha256: ids.sha256 };
    }
  }
  await mkdir(dirname(target), { recursive: true });
  const claim = await claimPartial(PartialFile.pathOf(args.to, file));
  try {
    for (;;) {
      const done = await fetchOnce(session, args, file, claim, target, limit, signal, onBytes);
      // Bytes of an earlier try may be anything, so they are no reason to refuse the hub's.
      if (done) return { path: file.path, size: file.size, sha256: done.sha256 };
    }
  } finally {
    await claim.release();
  }
}

/** undefined: the bytes of an earlier try were not those of this file, and are gone. */
async function fetchOnce(
  session: Session,
  args: DownloadArgs,
  file: HubFile,
  claim: { path: string; isShared: boolean },
  target: string,
  limit: Limiter,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<ContentIds | undefined> {
  const partial = await PartialFile.open(claim.path, file, session.settings.pieceBytes);
  let end: () => Promise<void> = () => (claim.isShared ? partial.discard() : partial.leave());
  try {
    onBytes(partial.doneBytes);
    await session.guard(`download ${args.type} ${args.repo} ${file.path}`, args, signal, () =>
      fetchPieces({ session, ref: args, file, partial, onBytes }, limit, signal),
    );
    const ids = await idsOfFile(partial.path, { blob: file.sha256 === undefined, signal });
    if (isContentOf(file, ids)) {
      end = async () => {};
      await partial.finish(target);
      return ids;
    }
    end = () => partial.discard();
    onBytes(-partial.doneBytes);
    if (partial.isResumed) return undefined;
    throw new BadInputError(
      'HUB_HASH_MISMATCH',
      `${file.path} has other content than its hash in the list (${args.repo} at ${args.revision}): not used`,
    );
  } catch (error) {
    if (error instanceof BadInputError) end = () => partial.discard();
    throw error;
  } finally {
    await end();
  }
}

/** The first piece shows whether the hub gives ranges; then the others come beside it. */
async function fetchPieces(args: TransferArgs, limit: Limiter, signal: AbortSignal): Promise<void> {
  const [first, ...others] = args.partial.missing();
  if (!first) return;
  const stop = linkedAbort(signal);
  const fail = (error: unknown) => {
    if (!stop.signal.aborted) stop.abort(error);
    throw error;
  };
  try {
    let start: (isRange: boolean) => void = () => {};
    const answered = new Promise<boolean>((resolve) => {
      start = resolve;
    });
    const run = (transfer: PieceTransfer) => limit(() => transfer.run(stop.signal)).catch(fail);
    const running = [run(new PieceTransfer(args, first, () => start(true))).finally(() => start(false))];
    running[0]!.catch(() => {});
    if (others.length > 0 && (await answered))
      running.push(...others.map((piece) => run(new PieceTransfer(args, piece))));
    const results = await Promise.allSettled(running);
    if (results.some(({ status }) => status === 'rejected')) throw stop.signal.reason;
  } finally {
    stop.unlink();
  }
}
