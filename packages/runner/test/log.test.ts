import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { LineSplitter, MAX_LINE_BYTES } from '../src/lines.ts';
import { LogFollower, LogWriter, readLogTail } from '../src/log-segments.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tuning-log-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it('cuts a stream into lines wherever the chunks end', () => {
  const bytes = Buffer.from(`ä\n\nlast ${'x'.repeat(MAX_LINE_BYTES + 3)}\nend`);
  for (const size of [1, 2, 7, bytes.length]) {
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
    lines.push(...splitter.end(), ...splitter.end());
    expect(
      lines.map((line) => line.length),
      `chunks of ${size}`,
    ).toEqual([1, 0, MAX_LINE_BYTES, 8, 3]);
    expect(lines[0]).toBe('ä');
    expect(lines[4]).toBe('end');
  }
});

it('follows a log over its segments without losing or repeating a line', async () => {
  const folder = await temporaryFolder();
  const follower = new LogFollower(folder);
  const seen: string[] = [];
  await follower.poll((line) => seen.push(line));
  const writer = new LogWriter(folder);
  const written: string[] = [];
  // 6 MB in all, in batches that end anywhere in a segment: two changes of segment on the way.
  for (let batch = 0; batch < 60; batch++) {
    const lines = Array.from({ length: 100 }, (_, n) => `${batch}:${n} ${'y'.repeat(1000)}`);
    writer.write(lines);
    written.push(...lines);
    if (batch % 7 === 0) await follower.poll((line) => seen.push(line));
  }
  writer.close();
  await follower.poll((line) => seen.push(line));
  expect(seen.length).toBe(written.length);
  expect(seen).toEqual(written);
  const late: string[] = [];
  await new LogFollower(folder).poll((line) => late.push(line));
  expect(late).toEqual(written);
});

it('keeps a bounded log, says what was dropped, and has a tail', async () => {
  const folder = await temporaryFolder();
  const writer = new LogWriter(folder);
  for (let n = 0; n < 20_000; n++) writer.write([`${n} ${'z'.repeat(1000)}`]);
  writer.close();
  expect((await readdir(folder)).length).toBe(4);
  const lines: string[] = [];
  await new LogFollower(folder).poll((line) => lines.push(line));
  expect(lines[0]).toMatch(/^\[\d+ of the log's segments were dropped/);
  expect(lines.at(-1)).toMatch(/^19999 /);
  const tail = await readLogTail(folder);
  expect(tail.length).toBeLessThanOrEqual(8192);
  expect(tail).toMatch(/^\d+ z/);
  expect(tail).toMatch(/\n19999 z+\n$/);
});
