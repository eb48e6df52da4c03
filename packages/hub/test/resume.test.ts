import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub, type HubOptions, type HubProgress } from '../src/index.ts';
import { failureOf } from './hub-fixture.ts';
import { FakeRangedHub } from './ranged-hub.ts';

const MIB = 1024 ** 2;
const SIZE = 6 * MIB + 12_345;
const CONTENT = randomBytes(SIZE);

describe('a large file comes in pieces that can be gone on with', () => {
  let fake: FakeRangedHub;
  let to: string;
  beforeEach(async () => {
    fake = await new FakeRangedHub(CONTENT).start();
    to = await mkdtemp(join(tmpdir(), 'resume-'));
  });
  afterEach(async () => {
    await fake.stop();
    await rm(to, { recursive: true, force: true });
  });

  const download = (signal?: AbortSignal, onProgress?: (p: HubProgress) => void, options: Partial<HubOptions> = {}) =>
    createHub({
      endpoint: fake.endpoint,
      retryBaseMs: 1,
      attempts: 3,
      timeoutMs: 2_000,
      idleMs: 300,
      pieceBytes: MIB,
      ...options,
    }).download(
      { type: 'model', repo: 'alice/m', revision: 'a'.repeat(40), to, limits: { maxBytes: SIZE, maxFiles: 1 } },
      { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) },
    );
  const isThere = async () => {
    expect((await readFile(join(to, 'w.bin'))).equals(CONTENT)).toBe(true);
    expect(await readdir(to)).toEqual(['w.bin']);
  };
  /** A download that ends before a third of the bytes came; what it left behind. */
  async function interrupt(): Promise<number> {
    const stop = new AbortController();
    const reason = new Error('the daemon stops');
    let done = 0;
    const running = download(stop.signal, (progress) => {
      done = progress.doneBytes;
      if (done > SIZE / 3) stop.abort(reason);
    });
    await expect(running).rejects.toBe(reason);
    return done;
  }

  it('in four requests at once, which cover it exactly', async () => {
    const seen: HubProgress[] = [];
    await download(undefined, (progress) => seen.push(progress));
    await isThere();
    expect(fake.mostOpen).toBe(4);
    expect(fake.given).toBe(SIZE);
    expect([...fake.ranges].sort()).toEqual(
      Array.from({ length: 7 }, (_, i) => `bytes=${i * MIB}-${Math.min(SIZE, (i + 1) * MIB) - 1}`),
    );
    expect(seen.at(-1)).toEqual({ doneBytes: SIZE, totalBytes: SIZE, path: 'w.bin' });
  });

  it('from where an earlier try ended', async () => {
    const done = await interrupt();
    fake.given = 0;
    const seen: HubProgress[] = [];
    await download(undefined, (progress) => seen.push(progress));
    await isThere();
    expect(fake.given).toBeLessThanOrEqual(SIZE - done);
    expect(seen[0]!.doneBytes).toBeGreaterThanOrEqual(done);
    expect(seen.at(-1)!.doneBytes).toBe(SIZE);
  });

  it('anew, where the bytes of an earlier try are not those of the file, or their record is broken', async () => {
    await interrupt();
    const part = (await readdir(to)).find((name) => name.endsWith('.part'))!;
    const bytes = await readFile(join(to, part));
    bytes[1] = bytes[1]! ^ 0xff;
    await writeFile(join(to, part), bytes);
    await download();
    await isThere();

    await rm(join(to, 'w.bin'));
    await interrupt();
    for (const record of [
      '{',
      '{"content":"x","pieces":[]}',
      JSON.stringify({ content: 'x', pieces: [{ start: 0, end: 9, done: 9 }] }),
    ]) {
      await writeFile(join(to, `${part}.json`), record);
      fake.given = 0;
      await interrupt();
    }
    await download();
    await isThere();
  });

  it('over connections that are cut again and again, each time a little further', async () => {
    fake.send = (res, range, from, to) => fake.give(res, range, from, to, from + 300_000);
    await download();
    await isThere();
    expect(fake.ranges.length).toBeGreaterThan(10);
  });

  it('over a connection that falls silent', async () => {
    let silent = 2;
    fake.send = (res, range, from, to) => {
      if (silent-- <= 0) return fake.give(res, range, from, to);
      fake.head(res, range, from, to);
      res.write(CONTENT.subarray(from, from + 1_000));
    };
    await download();
    await isThere();
  });

  it('whole, from a hub that knows no ranges, and from one that forgets them on the way', async () => {
    fake.send = (res) => fake.give(res, undefined, 0, SIZE);
    await download();
    await isThere();
    expect(fake.given).toBe(SIZE);

    await rm(join(to, 'w.bin'));
    fake.send = undefined;
    await interrupt();
    fake.send = (res) => fake.give(res, undefined, 0, SIZE);
    await download();
    await isThere();
  });

  it('but never of another length than listed, in the head or in the body', async () => {
    fake.send = (res, range, from, to) => {
      fake.head(res, range, from, to, SIZE + 1);
      res.end(CONTENT.subarray(from, to));
    };
    expect(await failureOf(download())).toMatchObject({ name: 'BadInputError', code: 'HUB_HASH_MISMATCH' });
    expect(fake.ranges).toHaveLength(1);
    fake.send = (res) => {
      res.writeHead(200, { 'Content-Length': SIZE * 1000 });
      res.write(CONTENT);
    };
    expect((await failureOf(download())).code).toBe('HUB_HASH_MISMATCH');
    fake.send = (res, _range, from, to) => {
      res.writeHead(206, { 'Content-Range': `bytes ${from}-${to - 1}/${SIZE}` });
      res.end(CONTENT.subarray(from, to + 1));
    };
    expect((await failureOf(download())).code).toBe('HUB_HASH_MISMATCH');
    expect(await readdir(to)).toEqual([]);
  });

  it('but never with content that changed on the way', async () => {
    const other = Buffer.from(CONTENT);
    other[5 * MIB] = other[5 * MIB]! ^ 1;
    fake.send = (res, range, from, to) => {
      fake.head(res, range, from, to);
      res.end((from >= 3 * MIB ? other : CONTENT).subarray(from, to));
    };
    expect((await failureOf(download())).code).toBe('HUB_HASH_MISMATCH');
    expect(await readdir(to)).toEqual([]);
  });

  it('and two at once into one folder do not disturb each other', async () => {
    await Promise.all([download(), download(), download()]);
    await isThere();
  });
});
