import { lstat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRepo, uploadFiles } from '@huggingface/hub';
import { BadInputError, errorCode, isTuningError, sleep, TransientError } from '@tuning/kit';
import { type ContentIds, idsOfBytes, idsOfFile, isContentOf } from './content-hash.ts';
import { HubHttpError, isPassing, toTuningError } from './errors.ts';
import type { HubCallOptions, HubUpload, PublishArgs, RepoRef, Visibility } from './hub.ts';
import { badPath, requirePaths, requireRepo } from './names.ts';
import type { Session } from './session.ts';

/** Commits tried before we give up against others that keep committing, or against a hub that keeps failing. */
const COMMIT_ATTEMPTS = 4;

interface Prepared {
  upload: HubUpload;
  ids: ContentIds;
}

/** See {@link Hub.publish}. */
export async function publish(
  session: Session,
  args: PublishArgs,
  setVisibility: (ref: RepoRef, visibility: Visibility, options?: HubCallOptions) => Promise<void>,
  options: HubCallOptions = {},
): Promise<{ revision: string }> {
  const { signal } = options;
  const files = await prepare(args.files, signal);
  const ref: RepoRef = { type: args.type, repo: args.repo };
  const wasPrivate = await ensureRepo(session, args, signal);
  // Closed before the content arrives, opened only after it is complete.
  if (args.visibility === 'private' && !wasPrivate) await setVisibility(ref, 'private', options);
  const revision = await commitMissing(session, args, files, options);
  if (args.visibility === 'public' && wasPrivate) await setVisibility(ref, 'public', options);
  return { revision };
}

/** Hashes what is to go up. The library would follow symlinks and take dot-files such as `.env` along. */
async function prepare(uploads: readonly HubUpload[], signal: AbortSignal | undefined): Promise<Prepared[]> {
  requirePaths(uploads.map(({ path }) => path));
  const prepared: Prepared[] = [];
  for (const upload of uploads) {
    signal?.throwIfAborted();
    if (upload.path.split('/').some((segment) => segment.startsWith('.'))) {
      throw badPath(upload.path, 'is a dot-file; those are never published');
    }
    if (typeof upload.content !== 'string') {
      prepared.push({ upload, ids: await idsOfBytes(upload.content) });
      continue;
    }
    const file = upload.content;
    const stat = isAbsolute(file) ? await lstat(file).catch(() => undefined) : undefined;
    if (!stat?.isFile()) {
      throw new BadInputError(
        'HUB_FILE_UNREADABLE',
        `can't publish ${upload.path}: ${file} is not a plain file with an absolute path (links are refused)`,
      );
    }
    prepared.push({ upload, ids: await idsOfFile(file, { signal }) });
  }
  return prepared;
}

/** Makes the repo if it is absent. Returns whether it is private now. */
async function ensureRepo(session: Session, args: PublishArgs, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    return (await session.info(args, undefined, signal)).private;
  } catch (error) {
    if (errorCode(error) !== 'HUB_REPO_NOT_FOUND') throw error;
  }
  const what = `create ${args.type} ${args.repo}`;
  try {
    await session.guard(what, undefined, signal, () =>
      createRepo({
        repo: { type: args.type, name: args.repo },
        visibility: args.visibility,
        ...session.access({ signal }),
        accessToken: session.requireToken(what),
      }).catch((error: unknown) => {
        // Another process of ours was faster, or an earlier answer got lost.
        if (!(error instanceof HubHttpError) || error.status !== 409) throw error;
      }),
    );
  } catch (error) {
    // The creation may have happened although its answer is missing: then the repo can be read.
    if (errorCode(error) !== 'HUB_UNAVAILABLE') throw error;
    await session.info(args, undefined, signal).catch(() => {
      throw error;
    });
  }
  return (await session.info(args, undefined, signal)).private;
}

/** Commits the files that the head does not hold yet, on top of exactly that head. */
async function commitMissing(
  session: Session,
  args: PublishArgs,
  files: Prepared[],
  options: HubCallOptions,
): Promise<string> {
  const { signal } = options;
  const what = `publish to ${args.type} ${args.repo}`;
  let last: unknown;
  for (let attempt = 0; attempt < COMMIT_ATTEMPTS; attempt++) {
    const { revision } = await session.info(args, 'main', signal);
    const present = new Map((await session.files({ ...args, revision }, signal)).map((file) => [file.path, file]));
    const missing = files.filter(({ upload, ids }) => {
      const file = present.get(upload.path);
      return !file || !isContentOf(file, ids);
    });
    if (missing.length === 0) return revision;
    signal?.throwIfAborted();
    try {
      return await commitOnce(session, args, missing, revision, options);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      last = error;
      // 412: the head has moved. A lost answer: the commit may have landed. Both are seen by looking again.
      if (error instanceof HubHttpError ? error.status !== 412 && !isPassing(error.status) : isFinal(error)) break;
      await sleep(session.settings.baseMs * 2 ** attempt, signal);
    }
  }
  if (last instanceof HubHttpError && last.status === 412) {
    throw new TransientError('HUB_CONFLICT', `could not ${what}: others keep committing to it; try again later`);
  }
  throw toTuningError(last, session.context(what, args));
}

function isFinal(error: unknown): boolean {
  return isTuningError(error) && error.name !== 'TransientError';
}

async function commitOnce(
  session: Session,
  args: PublishArgs,
  missing: Prepared[],
  parentCommit: string,
  options: HubCallOptions,
): Promise<string> {
  const totalBytes = missing.reduce((sum, { ids }) => sum + ids.size, 0);
  let doneBytes = 0;
  const report = (path: string) =>
    options.onProgress?.({ doneBytes: Math.min(doneBytes, totalBytes), totalBytes, path });
  const done = await uploadFiles({
    repo: { type: args.type, name: args.repo },
    files: missing.map(({ upload }) => ({
      path: upload.path,
      content:
        typeof upload.content === 'string'
          ? pathToFileURL(upload.content)
          : new Blob([upload.content as Uint8Array<ArrayBuffer>]),
    })),
    commitTitle: args.message,
    parentCommit,
    // Plain LFS: the Xet path has its own transport, without our limits, retries and progress.
    useXet: false,
    ...(options.signal ? { abortSignal: options.signal } : {}),
    ...session.access({
      signal: options.signal,
      onBytes: (count, path) => {
        doneBytes += count;
        report(path);
      },
    }),
  });
  if (!done || !/^[0-9a-f]{40}$/.test(done.commit.oid)) throw new Error('the answer to the commit names no commit id');
  // Small files travel inside the commit, and objects that the hub has already are not sent at all.
  doneBytes = totalBytes;
  report(missing.at(-1)?.upload.path ?? '');
  return done.commit.oid;
}

/** @throws BadInputError, OperatorError before anything is sent. */
export function checkPublishArgs(session: Session, args: PublishArgs): void {
  requireRepo(args);
  session.requireToken(`publish to ${args.type} ${args.repo}`);
  if (args.visibility !== 'private' && args.visibility !== 'public') {
    throw new BadInputError('HUB_BAD_NAME', 'visibility must be "private" or "public"');
  }
}
