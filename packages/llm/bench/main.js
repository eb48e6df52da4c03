// Speed of measuring, against the matrix-product peak of the same machine in the same run.
// npm run bench [-- --threads 2] [--large]    --large adds a model of SmolLM2-135M's shape (needs about 1.5 GiB).
import { parseArgs } from 'node:util';
import { createMeasurer, createSession, GraphBuilder, LLAMA_TRAITS, loadRuntime, modelTensors } from '@tuning/llm';

const { values: flags } = parseArgs({
  options: { threads: { type: 'string', default: '2' }, large: { type: 'boolean', default: false } },
});
const threads = Number(flags.threads);

const COMMON = {
  normEpsilon: 1e-5,
  ropeTheta: 1e4,
  ropeScaling: undefined,
  tied: true,
  maxPositions: 2048,
  bosId: undefined,
  eosId: 0,
  traits: LLAMA_TRAITS,
};
const TINY = {
  ...COMMON,
  vocabularySize: 4096,
  hiddenSize: 128,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  intermediateSize: 384,
};
const SMOL = {
  ...COMMON,
  vocabularySize: 49_152,
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediateSize: 1536,
};

/** Best time of `runs` calls after one warm-up, in seconds. */
async function best(runs, work) {
  await work();
  let seconds = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await work();
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return seconds;
}

/** Really random: onnxruntime keeps one copy of identical weights, which would flatter the memory. */
function randomWeights(config) {
  return new Map(
    [...modelTensors(config)].map(([name, shape]) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const data = new Float32Array(size);
      for (let i = 0; i < size; i++) data[i] = shape.length === 1 ? 1 : (Math.random() - 0.5) * 0.14;
      return [name, data];
    }),
  );
}

async function gemmPeak(size = 1024) {
  const graph = new GraphBuilder('gemm');
  const a = graph.input('a', 'float32', [size, size]);
  const b = graph.input('b', 'float32', [size, size]);
  graph.output(graph.node('Gemm', [a, b], { transB: 1 }, 'y'), 'float32', [size, size]);
  const ort = await loadRuntime();
  const session = await createSession(graph.encode(), { threads });
  const tensor = () => new ort.Tensor('float32', Float32Array.from({ length: size * size }, Math.random), [size, size]);
  const feeds = { a: tensor(), b: tensor() };
  const seconds = await best(30, () => session.run(feeds));
  await session.release();
  return (2 * size ** 3) / seconds;
}

async function forward(name, config, tokens, rows, peak) {
  const weights = randomWeights(config);
  const parameters = [...weights.values()].reduce((sum, data) => sum + data.length, 0);
  const set = Array.from({ length: rows }, (_, row) => {
    const ids = Int32Array.from({ length: tokens + 1 }, () => Math.floor(Math.random() * config.vocabularySize));
    return { row, ids, labels: ids };
  });
  const measurer = createMeasurer(config, weights, threads);
  const seconds = await best(3, () => measurer.measure(set));
  const perSecond = (rows * tokens) / seconds;
  // Full attention is computed, and the embedding is a look-up where it is not also the head.
  const flops = 2 * parameters + 4 * tokens * config.heads * config.headDim * config.layers;
  const share = (perSecond * flops) / peak;
  const megabytes = Math.round(process.memoryUsage().rss / 1024 ** 2);
  console.log(
    `${name.padEnd(6)} T=${String(tokens).padEnd(5)} ${perSecond.toFixed(0).padStart(7)} tokens/s  ` +
      `${((perSecond * flops) / 1e9).toFixed(1).padStart(6)} GFLOP/s  ${(100 * share).toFixed(0).padStart(3)} % of GEMM  ${megabytes} MiB`,
  );
}

const peak = await gemmPeak();
console.log(
  `GEMM 1024³, ${threads} threads: ${(peak / 1e9).toFixed(1)} GFLOP/s (compiling is part of the times below)`,
);
await forward('tiny', TINY, 128, 64, peak);
await forward('tiny', TINY, 512, 32, peak);
if (flags.large) await forward('135M', SMOL, 512, 4, peak);
