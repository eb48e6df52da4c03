import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFileList } from '@tuning/evaluation';
import type { Hub, HubFile } from '@tuning/hub';
import { errorCode, errorMessage, type Logger, retry, TransientError } from '@tuning/kit';
import {
  type CurvePoint,
  curvePointSchema,
  LIMITS,
  modelDigest,
  submissionDigest,
  type Verdict,
  type VerdictCode,
} from '@tuning/protocol';
import type { MemberStepValue } from './task-steps.ts';

const CARD = /^(README\.md|\.gitattributes)$/;
/** A 403 is among them: the hub gives it for a repo that was disabled, while a token of ours that is not valid gets a 401. */
const NOT_READABLE = new Set(['HUB_REPO_NOT_FOUND', 'HUB_REVISION_NOT_FOUND', 'HUB_REPO_GATED', 'HUB_FORBIDDEN']);
/** The end of log.jsonl in which its last point is looked for. */
const LOG_TAIL_BYTES = 16 * 1024;
const LOG_TAIL_LINES = 20;
/** Tries that a repo gets however late it is: one bad moment of the hub is not its owner's doing. */
const MIN_TRIES = 20;

export interface FetchArgs {
  hub: Hub;
  hotkey: string;
  found: { repo: string; revision: string; digest: string };
  /** Folder that the files end up in; absent unless the fetch succeeded. */
  to: string;
  maxBytes: number;
  /** False once the time to become public is over. */
  mayStillAppear: () => boolean;
  /** False once even an outage of the hub must not keep the other miners waiting for this repo. */
  mayStillRecover: () => boolean;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Brings a submission to disk: wait until it is public, check the list of files before a byte is read, download at the
 * commit, compare with the digest on-chain. A fault of the hub is retried, and is a verdict only when it outlasts
 * `mayStillRecover`: one repo must not hold up the others' task for good.
 */
export async function fetchSubmission(args: FetchArgs): Promise<MemberStepValue<'fetch'>> {
  try {
    return await fetchAndCheck(args);
  } catch (error) {
    args.signal.throwIfAborted();
    // What the hub refuses about this repo for good is its owner's doing, and must not stop the other miners' task.
    if ((error as Error).name === 'BadInputError' || errorCode(error) === 'HUB_FORBIDDEN')
      return { verdict: verdict('repo_not_found', errorMessage(error)) };
    if ((error as Error).name === 'TransientError' && !args.mayStillRecover())
      return { verdict: verdict('repo_not_public', `given up long after the grace window: ${errorMessage(error)}`) };
    throw error;
  }
}

async function fetchAndCheck(args: FetchArgs): Promise<MemberStepValue<'fetch'>> {
  const listed = await listWhenPublic(args);
  if (!Array.isArray(listed)) return { verdict: listed };
  const refused = checkFileList(listed, { maxBytes: args.maxBytes, maxFiles: LIMITS.submissionFiles });
  if (refused) return { verdict: refused };
  const downloaded = await download(args);
  if ('code' in downloaded) return { verdict: downloaded };
  const found = submissionDigest(modelDigest(downloaded.files), args.hotkey);
  if (found !== args.found.digest) {
    await rm(args.to, { recursive: true, force: true });
    return {
      verdict: verdict(
        'digest_mismatch',
        `the files of ${args.found.repo} have digest ${found}, the commitment says ${args.found.digest}`,
      ),
    };
  }
  const last = await lastPoint(join(args.to, 'log.jsonl'));
  return last ? { reported: { loss: last.loss, steps: last.step } } : {};
}

async function listWhenPublic({
  hub,
  found,
  mayStillAppear,
  mayStillRecover,
  logger,
  signal,
}: FetchArgs): Promise<HubFile[] | Verdict> {
  const target = { type: 'model' as const, repo: found.repo, revision: found.revision };
  let tries = 0;
  const attempt = async () => {
    tries += 1;
    try {
      return await hub.list(target, { signal });
    } catch (error) {
      signal.throwIfAborted();
      const code = errorCode(error);
      if (code === 'HUB_LIST_LIMIT') return verdict('too_large', errorMessage(error));
      if (code === undefined || !NOT_READABLE.has(code)) throw error;
      // Private and absent look the same from outside; so does a commit that does not exist.
      if (!mayStillAppear())
        return verdict(
          'repo_not_public',
          `${found.repo}@${found.revision} could not be read when the grace window ended`,
        );
      throw new TransientError('NOT_PUBLIC_YET', errorMessage(error), { cause: error });
    }
  };
  return retry(attempt, {
    attempts: 10_000,
    baseMs: 500,
    maxMs: 5_000,
    signal,
    logger,
    what: `listing ${found.repo}`,
    shouldRetry: (error) => error.name === 'TransientError' && (tries < MIN_TRIES || mayStillRecover()),
  });
}

async function download({
  hub,
  found,
  to,
  maxBytes,
  logger,
  signal,
}: FetchArgs): Promise<{ files: { path: string; sha256: string }[] } | Verdict> {
  const partial = `${to}.partial`;
  const limits = { maxBytes, maxFiles: LIMITS.submissionFiles };
  return retry(
    async () => {
      // What an earlier try or life left in it is gone on with: the commit is the same.
      try {
        const files = await hub.download(
          {
            type: 'model',
            repo: found.repo,
            revision: found.revision,
            to: partial,
            limits,
            accept: (path) => !CARD.test(path),
          },
          { signal },
        );
        await rm(to, { recursive: true, force: true });
        await rename(partial, to);
        return { files };
      } catch (error) {
        const code = errorCode(error);
        if (code === 'HUB_DOWNLOAD_LIMIT') return verdict('too_large', errorMessage(error));
        if (code === 'HUB_BAD_PATH') return verdict('unexpected_file', errorMessage(error));
        throw error;
      }
    },
    {
      attempts: MIN_TRIES,
      baseMs: 500,
      maxMs: 10_000,
      signal,
      logger,
      what: `downloading ${found.repo}`,
      shouldRetry: (error) => error.name !== 'AbortError',
    },
  );
}

/** The last point of the loss curve that a miner reports, from the end of its file; undefined where none parses. */
async function lastPoint(path: string): Promise<CurvePoint | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LOG_TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer
      .toString('utf8')
      .split('\n')
      .slice(-LOG_TAIL_LINES)
      .map(parsePoint)
      .findLast((point) => point !== undefined);
  } finally {
    await file.close();
  }
}

function parsePoint(line: string): CurvePoint | undefined {
  try {
    return curvePointSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function verdict(code: VerdictCode, reason: string): Verdict {
  return { code, reason: reason.slice(0, 1_000) };
}
