import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Row,
  rowLine,
  rowsDigest,
  rowsDigestAsync,
  SeededRandom,
  sealOf,
  sealSplit,
  splitRows,
  splitRowsAsync,
  testSize,
  toJsonLines,
  verifySplit,
} from '../src/index.ts';

const seedOf = (byte: number) => new Uint8Array(32).fill(byte);
const anySeed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const numbered = (count: number): Row[] => Array.from({ length: count }, (_, i) => ({ id: i }));
const hex = (text: string) => createHash('sha256').update(text).digest('hex');

describe('bytes and digests', () => {
  it('are the same for the same rows, whatever the order of columns', () => {
    const rows = [
      { b: 'ä\n', a: 1 },
      { a: null, c: undefined },
    ];
    expect(Buffer.from(toJsonLines(rows)).toString()).toBe('{"a":1,"b":"ä\\n"}\n{"a":null}\n');
    expect(rowsDigest(rows)).toBe(hex('{"a":1,"b":"ä\\n"}\n{"a":null}\n'));
    expect(rowsDigest([{ a: 1, b: 'ä\n' }, { a: null }])).toBe(rowsDigest(rows));
  });

  it('are the same when the event loop gets its turns', async () => {
    expect(await rowsDigestAsync(numbered(5000))).toBe(rowsDigest(numbered(5000)));
  });
});

describe('SeededRandom', () => {
  it('is the documented construction', () => {
    const seed = seedOf(7);
    const block = createHash('sha256').update('tuning/random/1\0split\0').update(seed).update(Buffer.alloc(8)).digest();
    const random = new SeededRandom(seed, 'split');
    for (let i = 0; i < 8; i++) expect(random.word(), `word ${i}`).toBe(block.readUInt32BE(4 * i));
    expect(random.word()).not.toBe(block.readUInt32BE(0));
  });

  it('has its own stream for each label', () => {
    expect(new SeededRandom(seedOf(1), 'a').word()).not.toBe(new SeededRandom(seedOf(1), 'b').word());
  });

  it('is even', () => {
    const random = new SeededRandom(seedOf(1), 'test');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]!++;
    // 5 standard deviations of a binomial with n = 70 000, p = 1/7.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(465);
  });

  it('refuses a seed of another length', () => {
    expect(() => new SeededRandom(new Uint8Array(31), 'x')).toThrow(expect.objectContaining({ code: 'SEED_INVALID' }));
  });
});

describe('splitRows', () => {
  it.each([
    [20, 5],
    [79, 19],
    [80, 20],
    [200, 20],
    [2000, 200],
    [9_999, 1_000],
    [5_000_000, 1_000],
  ])('takes of %i rows %i for the test', (rows, test) => {
    expect(testSize(rows)).toBe(test);
  });

  it.each([1, 2] as const)(
    'version %i is a partition, the same for the same seed, with equal rows on one side',
    (version) => {
      const rows = fc.array(fc.record({ v: fc.integer({ min: 0, max: 60 }) }), { minLength: 60, maxLength: 300 });
      fc.assert(
        fc.property(rows, anySeed, (some, seed) => {
          const all: Row[] = [...some, ...numbered(30)];
          const split = splitRows(all, seed, { version });
          expect([...split.train, ...split.test].sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
          expect(split.test.length).toBeGreaterThan(0);
          expect(split.test.length).toBeLessThanOrEqual(testSize(all.length));
          const train = new Set(split.train.map((i) => rowLine(all[i]!)));
          for (const i of split.test) expect(train.has(rowLine(all[i]!))).toBe(false);
          expect(splitRows(all, Uint8Array.from(seed), { version })).toEqual(split);
        }),
        { numRuns: 50 },
      );
    },
  );

  it('fills the test exactly where rows are distinct', () => {
    expect(splitRows(numbered(500), seedOf(1)).test).toHaveLength(50);
  });

  it('gives every row the same chance', () => {
    const rows = numbered(40);
    const hits = new Array<number>(40).fill(0);
    for (let i = 0; i < 2000; i++) {
      const seed = createHash('sha256').update(String(i)).digest();
      for (const index of splitRows(rows, seed).test) hits[index]!++;
    }
    // 10 of 40 in 2 000 draws: 500 expected, 5 standard deviations are 97.
    for (const [index, count] of hits.entries()) expect(Math.abs(count - 500), `row ${index}`).toBeLessThan(97);
  });

  it('changes with the seed', () => {
    expect(splitRows(numbered(100), seedOf(1)).test).not.toEqual(splitRows(numbered(100), seedOf(2)).test);
  });

  it.each([1, 2] as const)('version %i is pinned, since revealed seeds must rebuild old splits', (version) => {
    expect(splitRows(numbered(20), seedOf(0), { version }).test).toMatchInlineSnapshot(`
      [
        2,
        10,
        11,
        17,
        18,
      ]
    `);
  });

  it('refuses too few distinct rows', () => {
    const small = expect.objectContaining({ code: 'DATASET_TOO_SMALL' });
    expect(() => splitRows(numbered(19), seedOf(1))).toThrow(small);
    expect(() =>
      splitRows(
        Array.from({ length: 100 }, () => ({ id: 1 })),
        seedOf(1),
      ),
    ).toThrow(small);
    expect(splitRows(numbered(20), seedOf(1)).test).toHaveLength(5);
  });

  it('stops on abort', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(splitRowsAsync(numbered(100), seedOf(1), {}, signal)).rejects.toThrow('enough');
  });
});

describe('seal', () => {
  const parts = {
    splitVersion: 2 as const,
    seed: seedOf(1),
    datasetDigest: hex('dataset'),
    trainDigest: hex('train'),
    testDigest: hex('test'),
    syntheticDigest: hex('synthetic'),
  };

  it('is sha256 over the documented 174 bytes', () => {
    const bytes = Buffer.concat([
      Buffer.from('tuning/seal/2\0'),
      parts.seed,
      ...[parts.datasetDigest, parts.trainDigest, parts.testDigest, parts.syntheticDigest].map((d) =>
        Buffer.from(d, 'hex'),
      ),
    ]);
    expect(bytes).toHaveLength(174);
    expect(sealOf(parts)).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(sealOf({ ...parts, splitVersion: 1 })).not.toBe(sealOf(parts));
  });

  it('changes with any byte of any part', () => {
    const names = ['seed', 'datasetDigest', 'trainDigest', 'testDigest', 'syntheticDigest'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(31), fc.integer({ min: 1, max: 255 }), (name, at, flip) => {
        const value = parts[name];
        const bytes = Buffer.from(typeof value === 'string' ? Buffer.from(value, 'hex') : value);
        bytes[at]! ^= flip;
        expect(sealOf({ ...parts, [name]: name === 'seed' ? bytes : bytes.toString('hex') })).not.toBe(sealOf(parts));
      }),
    );
  });

  it('refuses what is not a seed or a digest', () => {
    expect(() => sealOf({ ...parts, seed: new Uint8Array(5) })).toThrow(
      expect.objectContaining({ code: 'SEED_INVALID' }),
    );
    expect(() => sealOf({ ...parts, testDigest: 'ABC' })).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }));
  });
});

describe('sealSplit and verifySplit', () => {
  const rows: Row[] = Array.from({ length: 60 }, (_, i) => ({
    instruction: `What does "w${i}" mean?`,
    input: 'noun',
    output: `a large thing number ${i} or so`,
  }));
  const args = { rows, type: 'instruct', seed: seedOf(9), syntheticCount: 12 } as const;

  it('rebuild what was sealed', async () => {
    const sealed = await sealSplit(args);
    expect([sealed.train.length, sealed.test.length, sealed.synthetic.length]).toEqual([45, 15, 12]);
    expect(sealed.trainDigest).toBe(rowsDigest(sealed.train));
    expect(sealed.datasetDigest).toBe(rowsDigest(rows));
    const { seal, testDigest } = sealed;
    expect(await verifySplit({ ...args, seal, claimed: { testDigest } })).toEqual({ ok: true, problems: [] });
  });

  it('rebuild a seal of version 1, which says so in its bytes', async () => {
    const old = await sealSplit({ ...args, splitVersion: 1 });
    expect(await verifySplit({ ...args, splitVersion: 1, seal: old.seal })).toEqual({ ok: true, problems: [] });
    expect((await verifySplit({ ...args, seal: old.seal })).ok).toBe(false);
  });

  it('find another seed, other rows, another count and a wrong claim', async () => {
    const { seal } = await sealSplit(args);
    const changed = rows.map((row, i) => (i === 59 ? { ...row, input: 'verb' } : row));
    for (const [what, other] of Object.entries({
      seed: { seed: seedOf(10) },
      rows: { rows: changed },
      count: { syntheticCount: 11 },
    })) {
      expect((await verifySplit({ ...args, seal, ...other })).ok, what).toBe(false);
    }
    const wrong = await verifySplit({ ...args, seal, claimed: { trainDigest: hex('x') } });
    expect(wrong.problems).toEqual([expect.stringMatching(/^trainDigest: /)]);
  });
});
