import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { negativeLog2 } from '../src/draw.ts';
import { drawOrder, passGate, rankFinalists, scoreTask, windowWeights, workOf } from '../src/index.ts';
import { seededUint32 } from '../src/random.ts';

/** Computed by a separate implementation in another language from the formulas of the package's README. */
const vectors = JSON.parse(readFileSync(new URL('./vectors/rules.json', import.meta.url), 'utf8'));

describe('golden vectors of an independent implementation', () => {
  it('draws the same order', () => {
    expect(drawOrder(vectors.draw)).toEqual(vectors.draw.order);
  });

  it('takes the same fixed-point logarithms', () => {
    for (const { x, value } of vectors.negativeLog2) expect(negativeLog2(BigInt(x)).toString(), x).toBe(value);
  });

  it('draws the same random numbers', () => {
    for (const { seed, first } of vectors.random) {
      const next = seededUint32(seed);
      expect(Array.from({ length: first.length }, next)).toEqual(first);
    }
  });

  it('passes the same through the gate', () => {
    expect(passGate(vectors.gate.entries)).toEqual(vectors.gate.passed);
  });

  it('ranks and scores the same, to the last bit', () => {
    const { entries, baseLoss, seed, ranked, scores } = vectors.ranking;
    const placements = rankFinalists({ entries, baseLoss, seed });
    expect(placements).toEqual(ranked);
    expect(scoreTask({ ranked: placements, baseLoss })).toEqual(scores);
  });

  it('gives the same weights', () => {
    expect(windowWeights(vectors.weights)).toEqual(vectors.weights.weights);
  });

  it('counts the same work', () => {
    for (const { work, ...task } of vectors.work) expect(workOf(task)).toBe(work);
  });
});
