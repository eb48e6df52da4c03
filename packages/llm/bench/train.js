// Steps per second of the CPU trainer, against torch and transformers (with PEFT for LoRA) on the same model and batch.
// npm run bench -- train [--json] [--threads 2] [--rows 8] [--tokens 64] [--steps 40] [--warmup 5] [--rounds 3]
//   TUNING_BENCH_PYTHON: a Python with torch, transformers and peft, to compare with
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conditions, number, python, WITHOUT_PYTHON } from './conditions.js';
import { MODELS, writeModel, writeRows } from './models.js';
import { interleave, least, rounded, Side } from './side.js';

const GOAL_RATIO = 1.5;
/** Largest difference of the first step's loss, and of the last step's in a full run (an adapter starts at random). */
const LARGEST_LOSS_DIFFERENCE = 1e-3;
const KINDS = {
  full: undefined,
  lora: {
    rank: 8,
    alpha: 16,
    dropout: 0,
    targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  },
};
const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: '2' },
    rows: { type: 'string', default: '8' },
    tokens: { type: 'string', default: '64' },
    steps: { type: 'string', default: '40' },
    warmup: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
});
const [threads, rows, tokens, steps, warmup, rounds] = ['threads', 'rows', 'tokens', 'steps', 'warmup', 'rounds'].map(
  (name) => number(flags, name),
);
if (steps <= warmup) {
  process.stderr.write(`--steps must be more than --warmup, ${warmup}\n`);
  process.exit(78);
}
const skipped = python ? [] : [{ what: 'comparison with transformers', why: WITHOUT_PYTHON }];
const around = conditions(threads);
const results = [];
const dir = await mkdtemp(join(tmpdir(), 'tuning-bench-'));
try {
  const parameters = await writeModel(dir, 'tiny');
  const rowsFile = join(dir, 'rows.json');
  await writeRows(rowsFile, { rows, ids: tokens, vocabulary: MODELS.tiny.vocab_size });
  for (const kind of Object.keys(KINDS))
    results.push({ ...(await compare(kind, { dir, rowsFile, threads })), parameters });
} finally {
  await rm(dir, { recursive: true, force: true });
}
if (flags.json)
  console.log(JSON.stringify({ ...around, model: 'tiny', rows, tokens, steps, warmup, rounds, results, skipped }));
else print();
if (results.some(({ agree }) => agree === false)) process.exit(1);

async function compare(kind, args) {
  const lora = KINDS[kind];
  const sides = { ours: Side.ours(args) };
  let versions;
  try {
    if (python) {
      sides.transformers = Side.transformers(python, args);
      ({ versions } = await sides.transformers.ask({ what: 'about' }));
      if (lora && versions.peft === undefined) {
        sides.transformers.close();
        delete sides.transformers;
        skipped.push({ what: 'LoRA with PEFT', why: 'the Python of TUNING_BENCH_PYTHON has no peft' });
      }
    }
    const runs = await interleave(sides, { what: 'train', steps, warmup, ...(lora ? { lora } : {}) }, rounds);
    const figures = {};
    for (const [name, side] of Object.entries(sides)) {
      const { first, last } = runs[name][0];
      const { peakRss } = await side.ask({ what: 'memory' });
      figures[name] = {
        stepsPerSecond: rounded(1 / least(runs[name], 'seconds')),
        // Of all threads, waiting ones included: with one thread it says on a busy machine, too, how much work a step is.
        cpuMsPerStep: rounded(least(runs[name], 'cpuSeconds') * 1000, 1),
        peakRssMib: Math.round(peakRss / 2 ** 20),
        firstLoss: first,
        lastLoss: last,
      };
    }
    const startMs = Math.round(least(runs.ours, 'startSeconds') * 1000);
    const { ours, transformers } = figures;
    if (!transformers) return { kind, ...figures, startMs, goal: GOAL_RATIO, met: 'not measured' };
    const apart = (key) => Math.abs(ours[key] - transformers[key]);
    const ratio = rounded(ours.stepsPerSecond / transformers.stepsPerSecond);
    const agree = apart('firstLoss') < LARGEST_LOSS_DIFFERENCE && (lora || apart('lastLoss') < LARGEST_LOSS_DIFFERENCE);
    return {
      kind,
      ...figures,
      versions,
      startMs,
      ratio,
      cpuRatio: rounded(transformers.cpuMsPerStep / ours.cpuMsPerStep),
      agree: Boolean(agree),
      goal: GOAL_RATIO,
      met: ratio >= GOAL_RATIO,
    };
  } finally {
    for (const side of Object.values(sides)) side.close();
  }
}

function print() {
  const { cpu, loaded, loadAverageBefore } = around;
  console.log(`${cpu}, ${threads} threads${loaded ? `, LOADED by other work (${loadAverageBefore.toFixed(1)})` : ''}`);
  console.log(`tiny model, ${rows} rows of ${tokens} tokens a step`);
  for (const { kind, ours, transformers, ratio, cpuRatio, startMs, versions } of results) {
    console.log(`\n${kind} (ours needs ${startMs} ms until the first step is done)`);
    console.table({ ours, ...(transformers ? { transformers } : {}) });
    if (transformers) {
      console.log(`ours is ${ratio} times as fast (${JSON.stringify(versions)}); goal ${GOAL_RATIO}`);
      console.log(`a step of theirs takes ${cpuRatio} times our CPU time`);
    }
  }
  for (const { what, why } of skipped) console.log(`skipped: ${what}: ${why}`);
}
