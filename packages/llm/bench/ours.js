// Our side of the benches; see side.js. Requests: gemm, eval, secondHalf, train, memory.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  createDeviceMeasurer,
  createMeasurer,
  createSession,
  GraphBuilder,
  loadRuntime,
  loadWeights,
  mapWeights,
  openModelWeights,
  readModelConfig,
  trainModel,
} from '@tuning/llm';
import { IGNORED_LABEL } from '@tuning/protocol';
import { readRows } from './models.js';

const { dir, rowsFile, threads, device = 'cpu' } = JSON.parse(process.argv[2]);
const rows = await readRows(rowsFile);
const config = await readModelConfig(dir);
let measurer;
let gemm;

const seconds = async (work) => {
  const start = performance.now();
  const result = await work();
  return { seconds: (performance.now() - start) / 1000, result };
};

const requests = {
  /** Best of a few matrix products of `size`³, in FLOP/s. */
  async gemm({ size }) {
    gemm ??= await prepareGemm(size);
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 20; i++) best = Math.min(best, (await seconds(gemm)).seconds);
    return { flops: (2 * size ** 3) / best };
  },
  /** Measures all rows; compiling is part of the time. */
  async eval() {
    measurer ??= await prepareMeasurer();
    const run = await seconds(() => measurer.measure(rows));
    return { seconds: run.seconds, loss: run.result.summary.loss, arithmetic: run.result.summary.arithmetic };
  },
  /** The loss of what llama.cpp scores of rows of `tokens` ids: those after the first of the second half. */
  async secondHalf({ tokens }) {
    measurer ??= await prepareMeasurer();
    const halves = rows.map(({ row, ids }) => ({
      row,
      ids: ids.slice(0, tokens),
      labels: ids.slice(0, tokens).fill(IGNORED_LABEL, 0, Math.floor(tokens / 2) + 1),
    }));
    return { loss: (await measurer.measure(halves)).summary.loss };
  },
  /** Trains `steps` steps on all rows at once; the first `warmup` (compiling among them) do not count. */
  async train({ lora, steps, warmup }) {
    const outDir = await mkdtemp(join(tmpdir(), 'tuning-bench-'));
    const times = [];
    const cpuTimes = [];
    const losses = [];
    const start = performance.now();
    try {
      await trainModel({
        baseDir: dir,
        base: { repo: 'bench/base', revision: 'main' },
        rows,
        recipe: recipe(lora, steps),
        outDir,
        seed: 1,
        threads,
        onStep: ({ loss }) => {
          times.push(performance.now());
          const { user, system } = process.cpuUsage();
          cpuTimes.push((user + system) / 1e6);
          losses.push(loss);
        },
      });
    } finally {
      await rm(outDir, { recursive: true, force: true });
    }
    return {
      seconds: (times.at(-1) - times[warmup - 1]) / 1000 / (steps - warmup),
      cpuSeconds: (cpuTimes.at(-1) - cpuTimes[warmup - 1]) / (steps - warmup),
      first: losses[0],
      last: losses.at(-1),
      startSeconds: (times[0] - start) / 1000,
    };
  },
  memory: () => ({ peakRss: Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024 }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { what, ...options } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await requests[what](options))}\n`);
}

async function prepareMeasurer() {
  if (device === 'cpu') return createMeasurer(config, await loadWeights(config, { kind: 'full', dir }), { threads });
  // As a sealed job has them for a GPU.
  return createDeviceMeasurer(config, await mapWeights(config, await openModelWeights(config, dir)), {
    threads,
    device,
  });
}

async function prepareGemm(size) {
  const graph = new GraphBuilder('gemm');
  const a = graph.input('a', 'float32', [size, size]);
  const b = graph.input('b', 'float32', [size, size]);
  graph.output(graph.node('Gemm', [a, b], { transB: 1 }, 'y'), 'float32', [size, size]);
  const ort = await loadRuntime();
  const session = await createSession(graph.encode(), { threads });
  const tensor = () => new ort.Tensor('float32', Float32Array.from({ length: size * size }, Math.random), [size, size]);
  const feeds = { a: tensor(), b: tensor() };
  return () => session.run(feeds);
}

function recipe(lora, steps) {
  return {
    lora,
    microBatchSize: rows.length,
    gradientAccumulationSteps: 1,
    epochs: steps,
    maxSteps: steps,
    sequenceLen: rows[0].ids.length,
    packing: false,
    learningRate: 1e-3,
    schedule: 'constant',
    warmup: { steps: 0 },
    weightDecay: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    maxGradNorm: 1,
    saveSteps: undefined,
  };
}
