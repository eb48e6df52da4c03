import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDataset } from '../src/index.ts';
import { type Sample, samples } from './hostile-bytes.ts';

/** `TUNING_FUZZ_RUNS=20000` for a long search; a failure prints its seed, `TUNING_FUZZ_SEED` takes it up again. */
const RUNS = Number(process.env['TUNING_FUZZ_RUNS'] ?? 15);
const SEED = process.env['TUNING_FUZZ_SEED'];
const MAX_MS = 5_000;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mutations-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Rows, or one refusal with a code: nothing else, and soon. */
async function settle({ name, format, bytes }: Sample): Promise<number | string> {
  const path = join(dir, name);
  await writeFile(path, bytes);
  const start = performance.now();
  try {
    return (await readDataset({ path, format }, { limits: { maxBytes: 10_000_000, maxRows: 10_000 } })).rows.length;
  } catch (error) {
    expect(error).toMatchObject({ name: 'BadInputError', code: expect.stringMatching(/^DATASET_/) });
    return (error as { code: string }).code;
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_MS);
  }
}

type Mutation = (bytes: Buffer) => Buffer;
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (bytes: Buffer, share: number) => Math.floor(share * bytes.length);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(([share, value]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    changed[at(bytes, share)] = value;
    return changed;
  }),
  fc.tuple(place, fc.nat(7)).map(([share, bit]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    changed[at(bytes, share)]! ^= 1 << bit;
    return changed;
  }),
  fc
    .tuple(place, fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 1, max: 8 }))
    .map(([share, value, length]) => (bytes: Buffer) => {
      const changed = Buffer.from(bytes);
      return changed.fill(value, at(bytes, share), Math.min(bytes.length, at(bytes, share) + length));
    }),
  fc.tuple(place, place).map(([from, to]) => (bytes: Buffer) => {
    const [start, end] = [at(bytes, Math.min(from, to)), at(bytes, Math.max(from, to))];
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  }),
  fc.tuple(place, place, place).map(([from, to, where]) => (bytes: Buffer) => {
    const piece = bytes.subarray(at(bytes, Math.min(from, to)), at(bytes, Math.max(from, to)));
    return Buffer.concat([bytes.subarray(0, at(bytes, where)), piece, bytes.subarray(at(bytes, where))]);
  }),
  fc.tuple(place, fc.uint8Array({ maxLength: 12 })).map(
    ([share, piece]) =>
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, at(bytes, share)), piece, bytes.subarray(at(bytes, share))]),
  ),
);

describe.each(samples())('$name', (sample) => {
  it('is read when it is whole', async () => {
    expect(await settle(sample)).toBe(sample.name.startsWith('pyarrow') ? 12 : 60);
  });

  it('cut anywhere gives a refusal, or the rows before the cut', async () => {
    const step = Math.max(1, Math.floor(sample.bytes.length / 15));
    for (let length = 0; length < sample.bytes.length; length += step) {
      const result = await settle({ ...sample, bytes: sample.bytes.subarray(0, length) });
      if (typeof result === 'number') expect(result).toBeLessThanOrEqual(60);
      if (/parquet|gz|zst|json$/.test(sample.name)) expect(result).toMatch(/^DATASET_/);
    }
  });

  it(
    `changed at random gives rows or a refusal (${RUNS} times)`,
    async () => {
      const property = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        await settle({ ...sample, bytes: mutations.reduce((bytes, mutate) => mutate(bytes), sample.bytes) });
      });
      await fc.assert(property, { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
    },
    60_000 + 500 * RUNS,
  );
});
