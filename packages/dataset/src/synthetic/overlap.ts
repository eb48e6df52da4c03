import type { Row } from '../row.ts';
import type { Rows } from '../rows.ts';
import type { Steps } from '../slices.ts';
import type { RowTexts } from './row-texts.ts';
import { gramsOf, wordsOf } from './word-grams.ts';

/** How much of a new row stands in real rows already, 0 … 1. */
export interface Overlap {
  /** Share of its word sequences that stand in any of the rows. */
  seen: number;
  /** Largest share that stands in one row: of the whole row, or of a long answer alone. */
  closest: number;
}

/** Answers with fewer word sequences are alike by chance ("yes", "a kind of bird"). */
const LONG_ANSWER_GRAMS = 8;
/** A word sequence in more of the sampled rows than this share is the dataset's own way of asking, not a copy. */
const BOILERPLATE = { sample: 1_000, share: 0.05, minRows: 4 };

export const rowGrams = ({ prompt, answer }: RowTexts): Set<string> =>
  new Set([...gramsOf(wordsOf(prompt)), ...gramsOf(wordsOf(answer))]);

/** Word sequences that many real rows share: instructions that are the same in every row, frames of questions. */
export function* boilerplateSteps(rows: Rows, textsOf: (row: Row) => RowTexts): Steps<Set<string>> {
  const stride = Math.max(1, Math.floor(rows.length / BOILERPLATE.sample));
  const counts = new Map<string, number>();
  let sampled = 0;
  for (let at = 0; at < rows.length; at += stride) {
    for (const gram of rowGrams(textsOf(rows.at(at)!))) counts.set(gram, (counts.get(gram) ?? 0) + 1);
    sampled++;
    yield;
  }
  const limit = Math.max(BOILERPLATE.minRows, sampled * BOILERPLATE.share);
  return new Set([...counts].filter(([, rows]) => rows > limit).map(([gram]) => gram));
}

interface Probe {
  candidate: number;
  size: number;
  hits: number;
  most: number;
}

/**
 * Compares few new rows with many real ones in one pass over the latter; memory grows with the new rows only. What is
 * nothing but boilerplate has no sequence of its own and overlaps by 0: exact copies are another check.
 */
export function* overlapSteps(
  candidates: readonly RowTexts[],
  rows: Rows,
  textsOf: (row: Row) => RowTexts,
  boilerplate: ReadonlySet<string>,
): Steps<Overlap[]> {
  const probes: Probe[] = [];
  const probesOf = new Map<string, Probe[]>();
  const own: Set<string>[] = [];
  for (const [candidate, texts] of candidates.entries()) {
    const answer = new Set(gramsOf(wordsOf(texts.answer)).filter((gram) => !boilerplate.has(gram)));
    const whole = new Set([...rowGrams(texts)].filter((gram) => !boilerplate.has(gram)));
    own.push(whole);
    for (const grams of answer.size >= LONG_ANSWER_GRAMS ? [whole, answer] : [whole]) {
      const probe: Probe = { candidate, size: grams.size, hits: 0, most: 0 };
      probes.push(probe);
      for (const gram of grams) {
        const others = probesOf.get(gram);
        if (others) others.push(probe);
        else probesOf.set(gram, [probe]);
      }
    }
    yield;
  }
  const met = new Set<string>();
  for (const row of rows) {
    const touched = new Set<Probe>();
    for (const gram of rowGrams(textsOf(row))) {
      const found = probesOf.get(gram);
      if (!found) continue;
      met.add(gram);
      for (const probe of found) {
        probe.hits++;
        touched.add(probe);
      }
    }
    for (const probe of touched) {
      probe.most = Math.max(probe.most, probe.hits / probe.size);
      probe.hits = 0;
    }
    yield;
  }
  return candidates.map((_, candidate) => {
    const grams = own[candidate]!;
    const seen = [...grams].filter((gram) => met.has(gram)).length;
    const most = probes.filter((probe) => probe.candidate === candidate).map((probe) => probe.most);
    return { seen: grams.size === 0 ? 0 : seen / grams.size, closest: Math.max(0, ...most) };
  });
}
