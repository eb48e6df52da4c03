import { describe, expect, it } from 'vitest';
import {
  augmentGenerator,
  givenRows,
  type Row,
  type Rows,
  rowsDigest,
  type SyntheticGenerator,
  sealSplit,
  verifySplit,
} from '../src/index.ts';

const words = (i: number) => Array.from({ length: 9 }, (_, at) => `w${(i * 9 + at).toString(36)}`).join(' ');
const rows: Row[] = Array.from({ length: 80 }, (_, i) => ({
  instruction: `Define ${words(i)}`,
  output: `it is ${words(i + 500)}`,
}));
const args = { rows, type: 'instruct', seed: new Uint8Array(32).fill(3), syntheticCount: 2 } as const;
/** Each run gives other rows, as a language model would. */
let serial = 0;
const seen: { train: Rows; avoid: readonly Row[] }[] = [];
const moody: SyntheticGenerator = {
  ...givenRows([]),
  replayable: false,
  generate: ({ rows: train, avoid = [], ...rest }) => {
    seen.push({ train, avoid });
    const made = [0, 1].map(() => ({ instruction: `ask${++serial}`, output: `tell${serial}` }));
    return givenRows(made).generate({ rows: train, ...rest });
  },
};

describe('a split with a generator of its own', () => {
  it('seals the rows that it made; given out, they are checked against the seal', async () => {
    const sealed = await sealSplit({ ...args, generator: moody });
    expect(sealed.account).toMatchObject({ generator: 'llm', asked: 2, accepted: 2 });
    expect(sealed.syntheticDigest).toBe(rowsDigest(sealed.synthetic));
    expect(seen[0]).toEqual({ train: sealed.train, avoid: sealed.test });
    const { seal, syntheticDigest } = sealed;
    const check = (generator?: SyntheticGenerator) =>
      verifySplit({ ...args, seal, claimed: { syntheticDigest }, ...(generator ? { generator } : {}) });
    expect(await check(givenRows(sealed.synthetic))).toEqual({ ok: true, problems: [] });
    expect((await check(givenRows(sealed.synthetic.slice(1)))).problems).toHaveLength(2);
    // The seed alone rebuilds the rows of `augment`, not these.
    expect((await check()).problems.map((problem) => problem.split(':')[0])).toEqual(['syntheticDigest', 'seal']);
  });

  it('is that of before where none is named', async () => {
    const [plain, named] = [await sealSplit(args), await sealSplit({ ...args, generator: augmentGenerator })];
    expect(named.seal).toBe(plain.seal);
    expect(plain.account).toMatchObject({ generator: 'augment', filled: 0 });
  });
});
