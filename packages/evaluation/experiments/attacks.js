// What somebody may hand in instead of a fine-tune of his own. Each takes effective weights and gives new ones.
import { normalOf, randomOf } from './recipes.js';

const layerOf = (name) => name.replace(/^(model\.layers\.\d+)\..*$/, '$1');
const isMatrix = (shapes, name) => shapes.get(name).length > 1;
const map = (weights, change) => new Map([...weights].map(([name, data]) => [name, change(data, name)]));
const rms = (data) => Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);

/** Noise of `size` times each tensor's own size. */
export const noise = (weights, size, seed) => {
  const normal = normalOf(seed);
  return map(weights, (data) => {
    const deviation = size * rms(data);
    return data.map((value) => value + deviation * normal());
  });
};

/** Noise of `size` times each tensor's change. */
export const noiseOnDelta = (weights, base, size, seed) => {
  const normal = normalOf(seed);
  return map(weights, (data, name) => {
    const before = base.get(name);
    const deviation = size * rms(data.map((value, i) => value - before[i]));
    return data.map((value) => value + deviation * normal());
  });
};

/** base + factor · (weights − base). */
export const stretch = (weights, base, factor) =>
  map(weights, (data, name) => data.map((value, i) => base.get(name)[i] + factor * (value - base.get(name)[i])));

export const mix = (first, second, share) =>
  map(first, (data, name) => data.map((value, i) => share * value + (1 - share) * second.get(name)[i]));

/** Every matrix times a factor. */
export const scaled = (weights, shapes, factor) =>
  map(weights, (data, name) => (isMatrix(shapes, name) ? data.map((value) => value * factor) : data));

/** Symmetric integers per row, and back. */
export const quantised = (weights, shapes, bits) =>
  map(weights, (data, name) => {
    if (!isMatrix(shapes, name)) return data;
    const columns = shapes.get(name)[1];
    const result = new Float32Array(data.length);
    for (let row = 0; row < data.length; row += columns) {
      let largest = 0;
      for (let i = 0; i < columns; i++) largest = Math.max(largest, Math.abs(data[row + i]));
      const step = largest / (2 ** (bits - 1) - 1) || 1;
      for (let i = 0; i < columns; i++) result[row + i] = Math.round(data[row + i] / step) * step;
    }
    return result;
  });

/** Rounded to bfloat16 and back. */
export const bfloat16 = (weights) =>
  map(weights, (data) => {
    const bits = new Uint32Array(data.slice().buffer);
    for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) & 0xffff0000;
    return new Float32Array(bits.buffer);
  });

function shuffled(length, seed) {
  const random = randomOf(seed);
  const order = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Rows of `block` rows each in another order. */
function rows(data, columns, order, block = 1) {
  const result = new Float32Array(data.length);
  order.forEach((from, to) => {
    result.set(data.subarray(from * block * columns, (from + 1) * block * columns), to * block * columns);
  });
  return result;
}

function columnsOf(data, columns, order, block = 1) {
  const result = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += columns) {
    order.forEach((from, to) => {
      result.set(data.subarray(row + from * block, row + (from + 1) * block), row + to * block);
    });
  }
  return result;
}

/** The neurons of every feed-forward block in another order: the same function. */
export const permutedNeurons = (weights, shapes, seed) =>
  map(weights, (data, name) => {
    const columns = shapes.get(name)[1];
    const order = () => shuffled(shapes.get(`${layerOf(name)}.mlp.up_proj.weight`)[0], seed);
    if (/\.(up|gate)_proj\.weight$/.test(name)) return rows(data, columns, order());
    if (/\.down_proj\.weight$/.test(name)) return columnsOf(data, columns, order());
    return data;
  });

/** Groups of heads turned round in every layer: the same function. */
export const permutedHeads = (weights, shapes, { heads, kvHeads, headDim }) =>
  map(weights, (data, name) => {
    const columns = shapes.get(name)[1];
    const groups = Array.from({ length: kvHeads }, (_, i) => kvHeads - 1 - i);
    const wide = (heads / kvHeads) * headDim;
    if (/\.q_proj\.weight$/.test(name)) return rows(data, columns, groups, wide);
    if (/\.(k|v)_proj\.weight$/.test(name)) return rows(data, columns, groups, headDim);
    if (/\.o_proj\.weight$/.test(name)) return columnsOf(data, columns, groups, wide);
    return data;
  });

/** Norm weights times random factors in (1 / most, most), taken back in the matrices that read them: the same function. */
export const scaledNorms = (weights, shapes, most, seed) => {
  const random = randomOf(seed);
  const factors = new Map();
  for (const name of weights.keys()) {
    if (!/layers.*layernorm\.weight$/.test(name)) continue;
    factors.set(
      name,
      Float64Array.from({ length: shapes.get(name)[0] }, () => most ** (2 * random() - 1)),
    );
  }
  return map(weights, (data, name) => {
    const own = factors.get(name);
    if (own) return data.map((value, i) => value * own[i]);
    const norm = /\.[qkv]_proj\.weight$/.test(name)
      ? 'input_layernorm'
      : /\.(gate|up)_proj\.weight$/.test(name)
        ? 'post_attention_layernorm'
        : undefined;
    if (!norm) return data;
    const divided = factors.get(`${layerOf(name)}.${norm}.weight`);
    const columns = shapes.get(name)[1];
    return data.map((value, i) => value / divided[i % columns]);
  });
};

/** The whole residual stream in another order: the same function, every tensor but none in its place. */
export const permutedResidual = (weights, shapes, hidden, seed) => {
  const order = shuffled(hidden, seed);
  return map(weights, (data, name) => {
    const shape = shapes.get(name);
    if (shape.length === 1) return data.map((_, i) => data[order[i]]);
    if (/\.(o|down)_proj\.weight$/.test(name)) return rows(data, shape[1], order);
    return columnsOf(data, shape[1], order);
  });
};

/** One tensor of another model. */
export const oneTensorOf = (weights, other, name) => new Map(weights).set(name, other.get(name));
