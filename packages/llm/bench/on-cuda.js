// Speed and loss of measuring on a GPU: ours in float16 against transformers in bfloat16 on the same card, the same weights and
// tokens. Compiling and sending the weights to the GPU are part of our time, as they are of a job's; transformers keeps its model.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireDevice } from '@tuning/llm';
import { python, WITHOUT_PYTHON } from './conditions.js';
import { MODELS, writeModel, writeRows } from './models.js';
import { interleave, least, rounded, Side } from './side.js';

/** Both sides round to 16 bits, bfloat16 to 8 of them. */
const LARGEST_LOSS_DIFFERENCE = 0.02;
const ROWS = { tiny: 256, '135m': 64 };
const BATCH = 8;

/** @returns the exit code: 1 where the losses differ, 78 where there is no GPU, or none that torch can use. */
export async function compareOnCuda({ models, threads, tokens, rounds, json }) {
  const missing = await whatIsMissing();
  if (missing !== undefined) {
    process.stderr.write(`${missing}\n`);
    return 78;
  }
  const results = [];
  for (const model of models) {
    const dir = await mkdtemp(join(tmpdir(), 'tuning-bench-'));
    try {
      const parameters = await writeModel(dir, model);
      const rowsFile = join(dir, 'rows.json');
      await writeRows(rowsFile, { rows: ROWS[model], ids: tokens + 1, vocabulary: MODELS[model].vocab_size });
      results.push({
        model,
        parameters,
        ...(await compare(model, { dir, rowsFile, threads, device: 'cuda' }, tokens, rounds)),
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
  if (json) console.log(JSON.stringify({ device: 'cuda', tokens, rounds, results }));
  else console.table(results);
  return results.some(({ lossDifference }) => !(lossDifference <= LARGEST_LOSS_DIFFERENCE)) ? 1 : 0;
}

async function whatIsMissing() {
  try {
    await requireDevice('cuda');
  } catch (error) {
    return `${error.code}: ${error.message}`;
  }
  if (!python) return WITHOUT_PYTHON;
  const seen = execFileSync(python, ['-c', 'import torch; print(torch.cuda.is_available())'], { encoding: 'utf8' });
  return seen.trim() === 'True' ? undefined : `the torch of ${python} sees no GPU (torch.cuda.is_available())`;
}

async function compare(model, args, tokens, rounds) {
  const sides = { ours: Side.ours(args), transformers: Side.transformers(python, args) };
  try {
    const runs = await interleave(sides, { what: 'eval', batch: BATCH }, rounds);
    const perSecond = (name) => Math.round((ROWS[model] * tokens) / least(runs[name], 'seconds'));
    const [ours, transformers] = [perSecond('ours'), perSecond('transformers')];
    return {
      ours,
      transformers,
      ratio: rounded(ours / transformers),
      lossDifference: Math.abs(runs.ours[0].loss - runs.transformers[0].loss),
      rowsInFloat32: runs.ours[0].arithmetic.rowsInFloat32,
    };
  } finally {
    for (const side of Object.values(sides)) side.close();
  }
}
