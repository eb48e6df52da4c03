import { BadInputError } from '@tuning/kit';
import type { TensorStore } from '../safetensors/file.ts';
import { LORA_TARGETS } from '../train/hyperparameters.ts';
import { type AdapterConfig, unsupportedAdapter } from './adapter-config.ts';

export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors';

/** Names of the pair of one weight inside an adapter file. */
export interface AdapterPair {
  readonly a: string;
  readonly b: string;
}

export function tensorMismatch(tensor: string, problem: string): BadInputError {
  return new BadInputError('TENSOR_MISMATCH', `tensor ${tensor}: ${problem}`, { details: { tensor, problem } });
}

/** PEFT's key: `base_model.model.` + module path + `.lora_A.weight` (peft save_and_load.py, adapter name removed). */
const KEY = /^base_model\.model\.(.{1,400})\.lora_([AB])\.weight$/;

/**
 * The pairs of an adapter by the base weight they change, checked against the base's shapes: A is [rank, in], B is
 * [out, rank].
 * @throws BadInputError `TENSOR_MISMATCH`, `ADAPTER_UNSUPPORTED`.
 */
export function adapterPairs(
  config: AdapterConfig,
  adapter: Pick<TensorStore, 'entries'>,
  base: ReadonlyMap<string, readonly number[]>,
): Map<string, AdapterPair> {
  const halves = new Map<string, { a?: string; b?: string }>();
  for (const { name, shape } of adapter.entries.values()) {
    const match = KEY.exec(name);
    if (!match) throw tensorMismatch(name, 'is no lora_A or lora_B weight of a module of the base');
    const module = match[1]!;
    const target = `${module}.weight`;
    const baseShape = base.get(target);
    if (!baseShape) throw tensorMismatch(name, `the base has no ${target}`);
    requireTarget(module, config);
    const [out, inner] = baseShape as [number, number];
    const expected = match[2] === 'A' ? [config.rank, inner] : [out, config.rank];
    if (shape.length !== 2 || shape[0] !== expected[0] || shape[1] !== expected[1]) {
      throw tensorMismatch(name, `has the shape [${shape}], expected is [${expected}]`);
    }
    const half = halves.get(target) ?? {};
    half[match[2] === 'A' ? 'a' : 'b'] = name;
    halves.set(target, half);
  }
  if (halves.size === 0) throw tensorMismatch(ADAPTER_WEIGHTS_FILE, 'holds no tensor');
  const pairs = new Map<string, AdapterPair>();
  for (const [target, { a, b }] of halves) {
    if (a === undefined || b === undefined)
      throw tensorMismatch(a ?? b ?? target, 'the other half of the pair is missing');
    pairs.set(target, { a, b });
  }
  return pairs;
}

function requireTarget(module: string, { targets }: AdapterConfig): void {
  const name = module.slice(module.lastIndexOf('.') + 1);
  if (!(LORA_TARGETS as readonly string[]).includes(name)) {
    throw unsupportedAdapter('target_modules', `reach ${module}; supported are ${LORA_TARGETS.join(', ')}`);
  }
  if (targets && !targets.some((target) => module === target || module.endsWith(`.${target}`))) {
    throw tensorMismatch(`${module}.weight`, 'has a LoRA pair but is not in target_modules');
  }
}

/**
 * weight += scaling · B·A in place; weight [out, in], A [rank, in], B [out, rank], all row-major. Products are added up
 * in float64 in a fixed order and rounded once, so every machine gets the same bits.
 */
export function addLowRank(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  rank: number,
  scaling: number,
): void {
  const inner = a.length / rank;
  const out = b.length / rank;
  const row = new Float64Array(inner);
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[o * rank + r]!;
      if (factor === 0) continue;
      for (let i = 0; i < inner; i++) row[i]! += factor * a[r * inner + i]!;
    }
    for (let i = 0; i < inner; i++) weight[o * inner + i] = weight[o * inner + i]! + scaling * row[i]!;
  }
}
