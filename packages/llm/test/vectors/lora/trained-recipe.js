// The run behind the folder `trained`; the unit tests repeat it.
export const ROWS = [
  [3, 17, 5, 40, 8, 8, 21, 0, 33, 12],
  [44, 1, 2, 30, 29, 28],
  [7, 7, 7, 7, 16, 9, 9, 25, 41, 38, 6, 19],
];

export const trainedArgs = (baseDir, outDir) => ({
  baseDir,
  outDir,
  base: { repo: 'tiny/llama', revision: 'a'.repeat(40) },
  rows: ROWS.map((ids, row) => ({ row, ids: Int32Array.from(ids), labels: Int32Array.from(ids) })),
  recipe: {
    lora: {
      rank: 4,
      alpha: 8,
      dropout: 0,
      targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    },
    microBatchSize: 3,
    gradientAccumulationSteps: 1,
    epochs: 10,
    maxSteps: undefined,
    sequenceLen: 16,
    packing: false,
    learningRate: 2e-2,
    schedule: 'cosine',
    warmup: { steps: 2 },
    weightDecay: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    maxGradNorm: 1,
    saveSteps: undefined,
  },
  seed: 5,
  onStep: () => {},
});
