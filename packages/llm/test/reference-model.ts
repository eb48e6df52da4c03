import { LLAMA_TRAITS, type ModelConfig, type ModelWeights, modelTensors } from '../src/index.ts';

/** mulberry32: a small seeded generator, enough for weights and ids of tests. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function gaussianOf(seed: number): () => number {
  const random = randomOf(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export const TINY: ModelConfig = {
  vocabularySize: 97,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  intermediateSize: 48,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  ropeScaling: undefined,
  tied: true,
  maxPositions: 2048,
  bosId: undefined,
  eosId: 0,
  traits: LLAMA_TRAITS,
};

/** Random weights: norms around 1, matrices N(0, scale²). */
export function randomWeights(config: ModelConfig, seed: number, scale = 0.3): Map<string, Float32Array> {
  const gaussian = gaussianOf(seed);
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of modelTensors(config)) {
    const size = shape.reduce((product, dim) => product * dim, 1);
    weights.set(
      name,
      Float32Array.from({ length: size }, () => (shape.length === 1 ? 1 + 0.2 * gaussian() : scale * gaussian())),
    );
  }
  return weights;
}

type Matrix = Float64Array[];

/** y[t] = W x[t], W row-major [out, in]. */
function linear(x: Matrix, weight: Float32Array, out: number): Matrix {
  return x.map((row) => {
    const y = new Float64Array(out);
    for (let o = 0; o < out; o++) {
      let sum = 0;
      for (let i = 0; i < row.length; i++) sum += weight[o * row.length + i]! * row[i]!;
      y[o] = sum;
    }
    return y;
  });
}

function rms(x: Matrix, weight: Float32Array, epsilon: number): Matrix {
  return x.map((row) => {
    const mean = row.reduce((sum, value) => sum + value * value, 0) / row.length;
    return row.map((value, i) => (value / Math.sqrt(mean + epsilon)) * weight[i]!);
  });
}

function rotate(x: Matrix, config: ModelConfig, heads: number, frequency: (i: number) => number): Matrix {
  const half = config.headDim / 2;
  return x.map((row, t) => {
    const turned = new Float64Array(row.length);
    for (let head = 0; head < heads; head++) {
      const start = head * config.headDim;
      for (let i = 0; i < half; i++) {
        const a = row[start + i]!;
        const b = row[start + half + i]!;
        const angle = t * frequency(i);
        turned[start + i] = a * Math.cos(angle) - b * Math.sin(angle);
        turned[start + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return turned;
  });
}

function attend(q: Matrix, k: Matrix, v: Matrix, { heads, kvHeads, headDim }: ModelConfig): Matrix {
  return q.map((query, t) => {
    const mixed = new Float64Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const qAt = head * headDim;
      const kvAt = Math.floor(head / (heads / kvHeads)) * headDim;
      const scores = Array.from({ length: t + 1 }, (_, s) => {
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += query[qAt + i]! * k[s]![kvAt + i]!;
        return dot / Math.sqrt(headDim);
      });
      const top = Math.max(...scores);
      const exps = scores.map((score) => Math.exp(score - top));
      const total = exps.reduce((sum, value) => sum + value, 0);
      for (let s = 0; s <= t; s++) {
        for (let i = 0; i < headDim; i++) mixed[qAt + i]! += (exps[s]! / total) * v[s]![kvAt + i]!;
      }
    }
    return mixed;
  });
}

const add = (x: Matrix, y: Matrix): Matrix => x.map((row, t) => row.map((value, i) => value + y[t]![i]!));

/**
 * The Llama forward pass written down plainly in float64, as the yardstick of the fused graph: loss of predicting
 * `ids[t + 1]` at each t < n − 1.
 */
export function referenceLosses(
  config: ModelConfig,
  weights: ModelWeights,
  ids: ArrayLike<number>,
  frequency = (i: number) => config.ropeTheta ** ((-2 * i) / config.headDim),
): Float64Array {
  const { hiddenSize: d, headDim, heads, kvHeads, intermediateSize: f, vocabularySize, normEpsilon } = config;
  const w = (name: string) => weights.get(name)!;
  const embedding = w('model.embed_tokens.weight');
  let x: Matrix = Array.from(ids, (id) => Float64Array.from(embedding.subarray(id * d, (id + 1) * d)));
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const n = rms(x, w(`${prefix}.input_layernorm.weight`), normEpsilon);
    const q = rotate(linear(n, w(`${prefix}.self_attn.q_proj.weight`), heads * headDim), config, heads, frequency);
    const k = rotate(linear(n, w(`${prefix}.self_attn.k_proj.weight`), kvHeads * headDim), config, kvHeads, frequency);
    const v = linear(n, w(`${prefix}.self_attn.v_proj.weight`), kvHeads * headDim);
    x = add(x, linear(attend(q, k, v, config), w(`${prefix}.self_attn.o_proj.weight`), d));
    const m = rms(x, w(`${prefix}.post_attention_layernorm.weight`), normEpsilon);
    const gate = linear(m, w(`${prefix}.mlp.gate_proj.weight`), f);
    const up = linear(m, w(`${prefix}.mlp.up_proj.weight`), f);
    const active = gate.map((row, t) => row.map((value, i) => (value / (1 + Math.exp(-value))) * up[t]![i]!));
    x = add(x, linear(active, w(`${prefix}.mlp.down_proj.weight`), d));
  }
  const head = config.tied ? embedding : w('lm_head.weight');
  const logits = linear(rms(x, w('model.norm.weight'), normEpsilon), head, vocabularySize);
  return Float64Array.from({ length: ids.length - 1 }, (_, t) => {
    const row = logits[t]!;
    const top = row.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((total, value) => total + Math.exp(value - top), 0);
    return top + Math.log(sum) - row[ids[t + 1]!]!;
  });
}
