// Honest fine-tunes at random: what a miner may choose. Deterministic.
const TARGETS = [
  ['q_proj', 'v_proj'],
  ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
  ['gate_proj', 'up_proj', 'down_proj'],
  ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
];

/** mulberry32: uniform in [0, 1). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers. */
export function normalOf(seed) {
  const random = randomOf(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const pick = (random, list) => list[Math.floor(random() * list.length)];
const between = (random, low, high) => Math.exp(Math.log(low) + random() * Math.log(high / low));

/**
 * Recipe number `index`. Every fifth is the one before it with another seed and nothing else changed, which is as alike
 * as two honest miners can be.
 */
export function recipeOf(index) {
  if (index % 5 === 4) return { ...recipeOf(index - 1), seed: 1_000 + index, twinOf: index - 1 };
  const random = randomOf(77 + index);
  const full = random() < 0.5;
  const rank = pick(random, [2, 4, 8, 16, 32]);
  const lora = {
    rank,
    alpha: rank * pick(random, [0.5, 1, 2, 4]),
    dropout: pick(random, [0, 0.05, 0.1]),
    targets: pick(random, TARGETS),
  };
  return {
    data: pick(random, ['questions', 'questions', 'questions', 'other-questions', 'text']),
    seed: 1_000 + index,
    hyperparameters: {
      lora: full ? undefined : lora,
      microBatchSize: pick(random, [4, 8]),
      gradientAccumulationSteps: pick(random, [1, 1, 2]),
      epochs: 100,
      maxSteps: Math.round(between(random, 4, 40)),
      sequenceLen: 64,
      packing: random() < 0.3,
      learningRate: full ? between(random, 1e-5, 5e-3) : between(random, 1e-4, 1e-2),
      schedule: pick(random, ['cosine', 'linear', 'constant']),
      warmup: { steps: pick(random, [0, 2, 5]) },
      weightDecay: pick(random, [0, 0.01, 0.1]),
      beta1: 0.9,
      beta2: pick(random, [0.95, 0.999]),
      epsilon: 1e-8,
      maxGradNorm: 1,
      saveSteps: undefined,
    },
  };
}

/** Pairs of recipes that differ in the seed only and read 256 rows `epochs` times: all there is to learn, by both. */
export function epochRecipes(from) {
  const recipes = [];
  for (const [learningRate, epochs, microBatchSize, rank] of [
    [3e-5, 3, 8],
    [1e-4, 3, 8],
    [3e-4, 3, 8],
    [1e-3, 3, 8],
    [3e-5, 4, 32],
    [3e-4, 4, 32],
    [3e-3, 3, 8, 8],
    [3e-3, 4, 32, 8],
  ]) {
    for (const seed of [1, 2]) {
      const targets = TARGETS[3];
      const lora = rank && { rank, alpha: 2 * rank, dropout: 0, targets };
      const hyperparameters = { ...recipeOf(0).hyperparameters, lora, learningRate, epochs, microBatchSize };
      const fixed = {
        maxSteps: undefined,
        gradientAccumulationSteps: 1,
        packing: false,
        schedule: 'cosine',
        weightDecay: 0,
      };
      const twinOf = seed === 2 ? from + recipes.length - 1 : undefined;
      recipes.push({ data: 'few-questions', seed, twinOf, hyperparameters: { ...hyperparameters, ...fixed } });
    }
  }
  return recipes;
}
