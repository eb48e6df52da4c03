// A trainer of a few lines with the job contract of the real ones (packages/training/README.md). The first row of its data says
// how it behaves: steps, stepMs and optionally fail: 'input' (refuses it), 'once' (crashes at half), 'always' (crashes).
// It writes each of its steps to out/trace as "run step", so that what was trained twice, or at the same time, can be seen.
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});
const { task, steps, stepMs, fail } = JSON.parse(readFileSync('data/train.jsonl', 'utf8').split('\n')[0]);
const checkpoint = 'out/checkpoint/step';
mkdirSync('out/checkpoint', { recursive: true });
mkdirSync('out/model', { recursive: true });
const save = (step) => {
  writeFileSync(`${checkpoint}.new`, String(step));
  renameSync(`${checkpoint}.new`, checkpoint);
};

const run = randomUUID();
let step = existsSync(checkpoint) ? Number(readFileSync(checkpoint, 'utf8')) : 0;
const crashAt = fail === 'once' && step === 0 ? Math.ceil(steps / 2) : -1;
appendFileSync('out/trace', `${run} ${step}\n`);
if (fail === 'input') process.exit(2);
if (fail === 'always') process.exit(1);
console.log(JSON.stringify({ totalSteps: steps }));
while (step < steps && !stopping) {
  await sleep(stepMs);
  step += 1;
  appendFileSync('out/trace', `${run} ${step}\n`);
  const point = { step, epoch: step / steps, loss: 4 - step / steps, lr: 0.001, tokens: step * 100, ts: Date.now() };
  appendFileSync('out/log.jsonl', `${JSON.stringify(point)}\n`);
  console.log(`step ${step}/${steps}`);
  if (step % 5 === 0) save(step);
  if (step === crashAt) process.exit(1);
}
if (stopping) {
  save(step);
  process.exit(143);
}
writeFileSync('out/model/model.safetensors', `weights of ${task} after ${step} steps`);
