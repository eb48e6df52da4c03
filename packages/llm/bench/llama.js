// llama.cpp's perplexity tool in the bench: whether there is one, and what its answers are compared with.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { python } from './conditions.js';
import { rounded } from './side.js';

const named = process.env.TUNING_BENCH_LLAMA;

/** Path of the tool, or why it is not compared. Ends the process with 78 where what is named cannot be run. */
export function findLlama() {
  if (!named) return { why: 'TUNING_BENCH_LLAMA names no llama-perplexity' };
  try {
    accessSync(named, constants.X_OK);
  } catch (error) {
    process.stderr.write(`TUNING_BENCH_LLAMA names ${named}, which cannot be run: ${error.message}\n`);
    process.exit(78);
  }
  if (!python) return { why: 'TUNING_BENCH_PYTHON names no Python with gguf and safetensors, which write its model' };
  if (spawnSync(python, ['-c', 'import gguf, safetensors.numpy']).status !== 0)
    return { why: `${python} lacks gguf or safetensors, which write its model: pip install gguf safetensors` };
  return { path: named };
}

/**
 * It computes logits of the second half of a row only, so it has no share of the matrix peak, and its loss is compared
 * with ours of the same half.
 */
export async function compareWithLlama({ sides, llama, ours, tokens }) {
  const { loss } = await sides.ours.ask({ what: 'secondHalf', tokens });
  const { gflops: _, gemmShare: __, ...figures } = llama;
  return {
    llama: { ...figures, versions: (await sides.llama.ask({ what: 'about' })).versions },
    llamaRatio: rounded(ours.tokensPerSecond / llama.tokensPerSecond),
    llamaLossDifference: Math.abs(loss - llama.loss),
  };
}
