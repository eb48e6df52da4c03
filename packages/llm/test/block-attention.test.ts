import { expect, test } from 'vitest';
import { type AttentionShape, BlockAttention, type Scoring } from '../src/graph/block-attention.ts';
import { GraphBuilder } from '../src/graph/builder.ts';
import { createSession, loadRuntime } from '../src/runtime.ts';
import { randomOf } from './reference-model.ts';

type Parts = Record<'q' | 'k' | 'v', Float32Array>;

/** The definition, in float64. */
function reference({ batch, tokens, heads, kvHeads, headDim: d }: AttentionShape, parts: Parts, scoring: Scoring) {
  const out = new Float64Array(batch * tokens * heads * d);
  const at = (b: number, t: number, head: number, count: number) => ((b * tokens + t) * count + head) * d;
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      for (let t = 0; t < tokens; t++) {
        const from = scoring.window === null ? 0 : Math.max(0, t - scoring.window + 1);
        const scores: number[] = [];
        for (let s = from; s <= t; s++) {
          let dot = 0;
          for (let i = 0; i < d; i++) {
            dot += parts.q[at(b, t, head, heads) + i]! * parts.k[at(b, s, kvHead, kvHeads) + i]!;
          }
          const score = dot * scoring.scale;
          scores.push(scoring.cap === null ? score : scoring.cap * Math.tanh(score / scoring.cap));
        }
        const top = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - top));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let s = from; s <= t; s++) {
          for (let i = 0; i < d; i++) {
            out[at(b, t, head, heads) + i]! += (weights[s - from]! / total) * parts.v[at(b, s, kvHead, kvHeads) + i]!;
          }
        }
      }
    }
  }
  return out;
}

async function inBlocks(shape: AttentionShape, parts: Parts, scoring: Scoring): Promise<Float32Array> {
  const { batch, tokens, heads, kvHeads, headDim } = shape;
  const graph = new GraphBuilder('main');
  const width = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
  for (const part of ['q', 'k', 'v'] as const) graph.input(part, 'float32', [batch * tokens, width[part]]);
  const mixed = new BlockAttention(graph, shape).attend({ q: 'q', k: 'k', v: 'v' }, scoring);
  graph.output(graph.node('Identity', [mixed], {}, 'mixed'), 'float32', [batch * tokens, width.q]);
  const session = await createSession(graph.encode());
  const { Tensor } = await loadRuntime();
  const feeds = Object.fromEntries(
    Object.entries(parts).map(([name, data]) => {
      return [name, new Tensor('float32', data, [batch * tokens, width[name as keyof Parts]])];
    }),
  );
  const result = (await session.run(feeds))['mixed']!.data as Float32Array;
  await session.release();
  return result;
}

test.each([
  ['all tokens before', { tokens: 256, window: null }],
  ['a row of one block', { tokens: 64, window: 20 }],
  ['a row shorter than a block', { tokens: 24, window: null }],
  ['a row that is no multiple of a block', { tokens: 96, window: 70 }],
  ['one token', { tokens: 192, window: 1 }],
  ['a window within a block', { tokens: 192, window: 30 }],
  ['a window of a block', { tokens: 256, window: 64 }],
  ['a window that begins within a block', { tokens: 256, window: 65 }],
  ['a window of several blocks', { tokens: 512, window: 150 }],
  ['a window longer than the row', { tokens: 128, window: 400 }],
  ['capped scores', { tokens: 192, window: 100, cap: 2 }],
  ['heads of more than 128 elements', { tokens: 256, window: 130, headDim: 144 }],
] as const)('attention in blocks is attention by its definition: %s', async (_, given) => {
  const { tokens, window, cap = null, headDim = 16 } = given as typeof given & { cap?: number; headDim?: number };
  const shape = { batch: 2, tokens, heads: 6, kvHeads: 2, headDim };
  const random = randomOf(tokens);
  const numbers = (heads: number) =>
    Float32Array.from({ length: 2 * tokens * heads * headDim }, () => 4 * (random() - 0.5));
  const parts = { q: numbers(6), k: numbers(2), v: numbers(2) };
  const scoring = { scale: 0.4, cap, window };
  const expected = reference(shape, parts, scoring);
  const got = await inBlocks(shape, parts, scoring);
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  expect(got).toHaveLength(expected.length);
  expect(worst).toBeLessThan(2e-5);
});
