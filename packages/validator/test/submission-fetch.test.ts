import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError, OperatorError, silentLogger, TransientError } from '@tuning/kit';
import { modelDigest, submissionDigest, verdictSchema } from '@tuning/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inFakeTime, useFakeTime } from '../../../test/fakes/fake-time.ts';
import { type FetchArgs, fetchSubmission } from '../src/submission-fetch.ts';
import { address } from './fake-chain.ts';
import { FakeHub } from './fake-hub.ts';

const hotkey = address('M');
const point = (step: number, loss: number) => ({ step, epoch: 0, loss, lr: 0.1, tokens: 10, ts: 1 });
const files = {
  'model.safetensors': 'weights',
  'config.json': '{}',
  'log.jsonl': `${JSON.stringify(point(7, 1.5))}\n`,
};
const refused = (code: string) => new BadInputError(code, `the hub says ${code}`);
const down = () => new TransientError('HUB_UNAVAILABLE', 'the hub answers 503');

let hub: FakeHub;
let to: string;
beforeEach(() => {
  useFakeTime();
  hub = new FakeHub({ ...files, 'README.md': 'a card' });
  to = join(mkdtempSync(join(tmpdir(), 'fetch-')), 'submission');
});
afterEach(() => vi.useRealTimers());

const digestOf = (of: FakeHub) => submissionDigest(modelDigest(of.digests()), hotkey);

/** Fetches; the grace window is over at the first look unless `looks` says how many are still inside it. */
async function fetch(options: { looks?: number; digest?: string; mayStillRecover?: () => boolean } = {}) {
  let looks = options.looks ?? 0;
  const args: FetchArgs = {
    hub: hub.asHub(),
    hotkey,
    found: { repo: 'm/t', revision: 'a'.repeat(40), digest: options.digest ?? digestOf(hub) },
    to,
    maxBytes: 10_000_000,
    mayStillAppear: () => looks-- > 0,
    mayStillRecover: options.mayStillRecover ?? (() => true),
    logger: silentLogger,
    signal: new AbortController().signal,
  };
  return inFakeTime(fetchSubmission(args), 3_600_000);
}

describe('a submission that can be read', () => {
  it('is on disk without its card, with the last reported point', async () => {
    expect(await fetch()).toEqual({ reported: { loss: 1.5, steps: 7 } });
    expect(readdirSync(to).sort()).toEqual(['config.json', 'log.jsonl', 'model.safetensors']);
    expect(existsSync(`${to}.partial`)).toBe(false);
  });

  it('is fetched when it becomes public within the grace window', async () => {
    hub.faults.list.push(refused('HUB_REPO_NOT_FOUND'), refused('HUB_REPO_NOT_FOUND'), refused('HUB_REPO_GATED'));
    expect(await fetch({ looks: 100 })).toEqual({ reported: { loss: 1.5, steps: 7 } });
    expect(hub.calls.list).toBe(4);
  });

  it('gets no verdict from a hub that is down for long, even after the grace window', async () => {
    hub.faults.list.push(...Array.from({ length: 40 }, down));
    hub.faults.download.push(down(), down(), refused('HUB_HASH_MISMATCH'), down());
    expect(await fetch()).toEqual({ reported: { loss: 1.5, steps: 7 } });
    expect(hub.calls).toEqual({ list: 41, download: 5 });
  });

  it('is not judged while the download fails for reasons of the hub: the error goes up', async () => {
    hub.broken.download = down();
    await expect(fetch()).rejects.toMatchObject({ code: 'HUB_UNAVAILABLE' });
    expect(hub.calls.download).toBe(20);
    expect(existsSync(to)).toBe(false);
  });

  it('is not judged by a token of ours that is not valid', async () => {
    hub.broken.list = new OperatorError('HUB_TOKEN_INVALID', 'set a valid HF_TOKEN');
    await expect(fetch()).rejects.toMatchObject({ code: 'HUB_TOKEN_INVALID' });
  });
});

describe('a submission that is refused', () => {
  it.each(['HUB_REPO_NOT_FOUND', 'HUB_REVISION_NOT_FOUND', 'HUB_REPO_GATED'])(
    'with %s is looked for until the grace window ends, then it is repo_not_public',
    async (code) => {
      hub.broken.list = refused(code);
      expect(await fetch({ looks: 4 })).toMatchObject({ verdict: { code: 'repo_not_public' } });
      expect(hub.calls).toEqual({ list: 5, download: 0 });
    },
  );

  it('with a 403 that its owner brought about does not hold up the task', async () => {
    hub.broken.list = new OperatorError('HUB_FORBIDDEN', 'the hub forbids it');
    expect(await fetch({ looks: 4 })).toMatchObject({ verdict: { code: 'repo_not_public' } });
    hub.broken = { download: new OperatorError('HUB_FORBIDDEN', 'the hub forbids it') };
    expect(await fetch()).toMatchObject({ verdict: { code: 'repo_not_found' } });
  });

  it.each(['list', 'download'] as const)(
    'when the hub cannot %s it for longer than the others may wait',
    async (call) => {
      hub.broken[call] = down();
      let looks = 50;
      const answer = await fetch({ mayStillRecover: () => looks-- > 0 }).catch((error: unknown) => error);
      // The download's error goes up first: the task runner comes back with another look.
      if (call === 'download') expect(answer).toMatchObject({ code: 'HUB_UNAVAILABLE' });
      else expect(answer).toMatchObject({ verdict: { code: 'repo_not_public' } });
      expect(await fetch({ mayStillRecover: () => false })).toMatchObject({ verdict: { code: 'repo_not_public' } });
    },
  );

  it('for one bad moment of the hub, never, however late it is', async () => {
    hub.faults.list.push(...Array.from({ length: 10 }, down));
    hub.faults.download.push(down(), down());
    expect(await fetch({ mayStillRecover: () => false })).toEqual({ reported: { loss: 1.5, steps: 7 } });
  });

  it('for a token of ours that is not valid, never', async () => {
    hub.broken.list = new OperatorError('HUB_TOKEN_INVALID', 'set a valid HF_TOKEN');
    await expect(fetch({ mayStillRecover: () => false })).rejects.toMatchObject({ code: 'HUB_TOKEN_INVALID' });
  });

  it('for too long a list is too_large at once', async () => {
    hub.broken.list = refused('HUB_LIST_LIMIT');
    expect(await fetch({ looks: 100 })).toMatchObject({ verdict: { code: 'too_large' } });
    expect(hub.calls).toEqual({ list: 1, download: 0 });
  });

  it('for its file list is not downloaded', async () => {
    hub.files = { ...files, 'run.py': 'import os' };
    expect(await fetch()).toMatchObject({ verdict: { code: 'unexpected_file' } });
    expect(hub.calls.download).toBe(0);
  });

  it.each([
    ['HUB_DOWNLOAD_LIMIT', 'too_large', 1],
    ['HUB_BAD_PATH', 'unexpected_file', 1],
    // May pass, so it is tried again; in the end it is the owner's doing.
    ['HUB_REPO_NOT_FOUND', 'repo_not_found', 20],
    ['HUB_FILE_NOT_FOUND', 'repo_not_found', 20],
    ['HUB_HASH_MISMATCH', 'repo_not_found', 20],
    ['HUB_REFUSED', 'repo_not_found', 20],
  ])('with %s of its download is %s after %i tries', async (code, verdict, tries) => {
    hub.broken.download = refused(code);
    expect(await fetch()).toMatchObject({ verdict: { code: verdict } });
    expect(hub.calls.download).toBe(tries);
    expect(existsSync(to)).toBe(false);
  });

  it('is told so in a sentence that the store and the receipt take, however long the repo makes it', async () => {
    hub.broken.download = new BadInputError('HUB_BAD_PATH', `bad path ${'x'.repeat(5_000)}`);
    const { verdict } = await fetch();
    expect(verdictSchema.safeParse(verdict).success).toBe(true);
  });

  it('for files that are not those committed leaves nothing on disk', async () => {
    const answer = await fetch({ digest: 'f'.repeat(32) });
    expect(answer).toMatchObject({ verdict: { code: 'digest_mismatch' } });
    expect(existsSync(to)).toBe(false);
  });

  it('when the same files were committed under another hotkey', async () => {
    const digest = submissionDigest(modelDigest(hub.digests()), address('N'));
    expect(await fetch({ digest })).toMatchObject({ verdict: { code: 'digest_mismatch' } });
  });
});

describe('a reported curve', () => {
  const report = async (log: string) => {
    hub.files = { ...files, 'log.jsonl': log };
    return (await fetch()).reported;
  };

  it('that is hostile counts only where it parses', async () => {
    const lines = [
      'not json',
      JSON.stringify(point(1, 3)),
      '[[[[',
      'null',
      JSON.stringify({ ...point(2, 2), extra: 'x' }),
      JSON.stringify({ ...point(1.5, 2) }),
      '{"step":3,"epoch":0,"loss":1e999,"lr":0,"tokens":1,"ts":1}',
      '{"step":3,"epoch":0,"loss":"low","lr":0,"tokens":1,"ts":1}',
      '{"__proto__":{"step":4,"epoch":0,"loss":1,"lr":0,"tokens":1,"ts":1}}',
      '\u0000\ufffd',
    ];
    expect(await report(lines.join('\n'))).toEqual({ loss: 3, steps: 1 });
  });

  it('is read from its end only, so that its length costs nothing', async () => {
    const line = (step: number) => `${JSON.stringify(point(step, 1))}\n`;
    expect(await report(`${line(1)}${'x'.repeat(4 * 1024 ** 2)}\n${line(2)}`)).toEqual({ loss: 1, steps: 2 });
    expect(await report(`${line(1)}${'x'.repeat(4 * 1024 ** 2)}\n`)).toBeUndefined();
    expect(await report(`${line(1)}${'\n'.repeat(1_000)}`)).toBeUndefined();
  });

  it('may be empty or absent', async () => {
    expect(await report('')).toBeUndefined();
    hub.files = { 'model.safetensors': 'weights', 'config.json': '{}' };
    expect(await fetch()).toEqual({});
  });
});
