import type { DatasetType } from '@tuning/protocol';
import { z } from 'zod';
import type { Row } from '../row.ts';
import type { Rows } from '../rows.ts';
import { runInSlices, type Steps } from '../slices.ts';
import { contentKey } from './content-key.ts';
import { ksDistance, round, spreadOf, spreadSchema } from './figures.ts';
import { type GenerationAccount, generationAccountSchema } from './generator.ts';
import { boilerplateSteps, overlapSteps, rowGrams } from './overlap.ts';
import { type RowTexts, rowTextsOf } from './row-texts.ts';
import { gramsOf, wordsOf } from './word-grams.ts';

const noveltySchema = z.strictObject({
  /** Rows with prompt and answer of a real row. */
  exact: z.number().int(),
  /** Share of a row's word sequences (of three) that stand in any real row. */
  seen: spreadSchema,
  /** Largest share that stands in one real row. */
  closest: spreadSchema,
});
const lengthSchema = z.strictObject({
  /** Words per train row. */
  real: spreadSchema,
  /** Words per synthetic row. */
  synthetic: spreadSchema,
  /** Kolmogorov–Smirnov distance of the two, 0 (the same) … 1. */
  ks: z.number(),
});
const diversitySchema = z.strictObject({ distinct1: z.number(), distinct2: z.number() });

/** How good a synthetic set is: figures over rows, never a row. */
export const syntheticQualitySchema = z.strictObject({
  rows: z.number().int(),
  /** Accepted, without those filled in by `augment`, by proposed: 0 … 1. */
  acceptedShare: z.number(),
  novelty: z.strictObject({ train: noveltySchema, test: noveltySchema }),
  diversity: z.strictObject({
    /** Different words, and pairs of words, by all of them. */
    synthetic: diversitySchema,
    /** Of as many train rows. */
    train: diversitySchema,
    /** Share of a synthetic row's word sequences that stand in another one. */
    selfOverlap: spreadSchema,
  }),
  length: z.strictObject({ prompt: lengthSchema, answer: lengthSchema }),
});
export type SyntheticQuality = z.infer<typeof syntheticQualitySchema>;

/** What a task keeps of its synthesis. */
export const syntheticReportSchema = z.strictObject({
  account: generationAccountSchema,
  quality: syntheticQualitySchema,
});
export type SyntheticReport = z.infer<typeof syntheticReportSchema>;

export interface QualityArgs {
  type: DatasetType;
  train: Rows;
  test: readonly Row[];
  synthetic: readonly Row[];
  account: GenerationAccount;
}

/** Train rows of which lengths are taken. */
const LENGTH_SAMPLE = 20_000;

/** Measures a synthetic set against the real rows. Pauses for the event loop. @throws the signal's reason when aborted. */
export async function measureSynthetic(args: QualityArgs, signal?: AbortSignal): Promise<SyntheticReport> {
  return { account: args.account, quality: await runInSlices(qualitySteps(args), signal) };
}

function* qualitySteps({ type, train, test, synthetic, account }: QualityArgs): Steps<SyntheticQuality> {
  const textsOf = rowTextsOf(type);
  const boilerplate = yield* boilerplateSteps(train, textsOf);
  const keyOf = contentKey(type);
  const made: RowTexts[] = [];
  const keys: (string | undefined)[] = [];
  for (const row of synthetic) {
    made.push(textsOf(row));
    keys.push(keyOf(row));
    yield;
  }

  function* novelty(rows: Rows): Steps<z.infer<typeof noveltySchema>> {
    const overlaps = yield* overlapSteps(made, rows, textsOf, boilerplate);
    const wanted = new Set(keys);
    const met = new Set<string | undefined>();
    for (const row of rows) {
      const key = keyOf(row);
      if (key !== undefined && wanted.has(key)) met.add(key);
      yield;
    }
    return {
      exact: keys.filter((key) => met.has(key)).length,
      seen: spreadOf(overlaps.map(({ seen }) => seen)),
      closest: spreadOf(overlaps.map(({ closest }) => closest)),
    };
  }

  function* diversity(rows: readonly Row[]): Steps<z.infer<typeof diversitySchema>> {
    const kinds = [new Set<string>(), new Set<string>()];
    const totals = [0, 0];
    for (const row of rows) {
      const { prompt, answer } = textsOf(row);
      for (const text of [prompt, answer]) {
        const words = wordsOf(text);
        for (const n of [1, 2]) {
          const grams = gramsOf(words, n);
          totals[n - 1]! += grams.length;
          for (const gram of grams) kinds[n - 1]!.add(gram);
        }
      }
      yield;
    }
    const share = (at: number) => round(kinds[at]!.size / Math.max(1, totals[at]!));
    return { distinct1: share(0), distinct2: share(1) };
  }

  function* selfOverlap(): Steps<number[]> {
    const sets: string[][] = [];
    const counts = new Map<string, number>();
    for (const texts of made) {
      const set = [...rowGrams(texts)].filter((gram) => !boilerplate.has(gram));
      for (const gram of set) counts.set(gram, (counts.get(gram) ?? 0) + 1);
      sets.push(set);
      yield;
    }
    return sets.map((set) => set.filter((gram) => counts.get(gram)! > 1).length / Math.max(1, set.length));
  }

  function* lengths(part: 'prompt' | 'answer'): Steps<z.infer<typeof lengthSchema>> {
    const real: number[] = [];
    const stride = Math.max(1, Math.ceil(train.length / LENGTH_SAMPLE));
    for (let at = 0; at < train.length; at += stride) {
      real.push(wordsOf(textsOf(train.at(at)!)[part]).length);
      yield;
    }
    const own = made.map((texts) => wordsOf(texts[part]).length);
    return { real: spreadOf(real), synthetic: spreadOf(own), ks: ksDistance(real, own) };
  }

  const stride = Math.max(1, Math.floor(train.length / Math.max(1, synthetic.length)));
  const likeMany: Row[] = [];
  for (let at = 0; at < train.length && likeMany.length < synthetic.length; at += stride) likeMany.push(train.at(at)!);
  return {
    rows: synthetic.length,
    acceptedShare: account.proposed === 0 ? 0 : round((account.accepted - account.filled) / account.proposed),
    novelty: { train: yield* novelty(train), test: yield* novelty(test) },
    diversity: {
      synthetic: yield* diversity(synthetic),
      train: yield* diversity(likeMany),
      selfOverlap: spreadOf(yield* selfOverlap()),
    },
    length: { prompt: yield* lengths('prompt'), answer: yield* lengths('answer') },
  };
}
