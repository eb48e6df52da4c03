import { BadInputError } from '@tuning/kit';
import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName, modelTensors, tensorNames, weightOf } from '../config/tensors.ts';
import type { TensorStore } from '../safetensors/file.ts';
import type { TensorEntry } from '../safetensors/header.ts';
import { type AdapterConfig, unsupportedAdapter } from './adapter-config.ts';

export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors';

/** The pair of one weight inside an adapter file. */
export interface AdapterPair {
  /** Names of the tensors A, [rank, in], and B, [out, rank]. */
  readonly a: string;
  readonly b: string;
  readonly rank: number;
  /** Factor of B·A. */
  readonly scaling: number;
  /** The weight is stored as [in, out]: an embedding's rows are its inputs, and GPT-2 stores every matrix so. */
  readonly inputFirst: boolean;
}

/** What an adapter does to the base, by the name of the base's tensor. */
export interface AdapterPlan {
  readonly pairs: ReadonlyMap<string, AdapterPair>;
  /** Tensors that the adapter carries whole, with their names in its file. */
  readonly replaced: ReadonlyMap<string, string>;
}

export function tensorMismatch(tensor: string, problem: string): BadInputError {
  return new BadInputError('TENSOR_MISMATCH', `tensor ${tensor}: ${problem}`, { details: { tensor, problem } });
}

/** PEFT's key: `base_model.model.` + path in the model (peft utils/save_and_load.py, adapter name removed). */
const PREFIX = 'base_model.model.';
const PAIR = /^(.{1,400})\.lora_(?:([AB])\.weight|embedding_([AB]))$/;

/**
 * What the tensors of an adapter file stand for, checked against the adapter's config and the base's shapes.
 * @throws BadInputError `TENSOR_MISMATCH`; `ADAPTER_UNSUPPORTED` for what our graph cannot express.
 */
export function adapterPlan(
  adapter: AdapterConfig,
  { entries }: Pick<TensorStore, 'entries'>,
  config: ModelConfig,
): AdapterPlan {
  const shapes = modelTensors(config);
  const halves = new Map<string, { a?: string; b?: string }>();
  const replaced = new Map<string, string>();
  for (const entry of entries.values()) {
    const path = entry.name.startsWith(PREFIX) ? entry.name.slice(PREFIX.length) : '';
    const match = PAIR.exec(path);
    if (!match) {
      replaced.set(replacedTensor(entry, path, adapter, config, shapes), entry.name);
      continue;
    }
    const target = `${match[1]}.weight`;
    requireTarget(entry.name, target, match[3] !== undefined, adapter, config, shapes);
    const half = halves.get(target) ?? {};
    half[(match[2] ?? match[3]) === 'A' ? 'a' : 'b'] = entry.name;
    halves.set(target, half);
  }
  if (entries.size === 0) throw tensorMismatch(ADAPTER_WEIGHTS_FILE, 'holds no tensor');
  const pairs = new Map<string, AdapterPair>();
  for (const [target, { a, b }] of halves) {
    if (a === undefined || b === undefined)
      throw tensorMismatch(a ?? b ?? target, 'the other half of the pair is missing');
    const pair = { a, b, ...adapter.pairOf(moduleOf(target)), inputFirst: isInputFirst(config, target) };
    requirePairShapes(pair, entries, shapes.get(target)!);
    pairs.set(target, pair);
  }
  return { pairs, replaced };
}

const moduleOf = (tensor: string) => tensor.replace(/\.[^.]*$/, '');

/** Of tokens or of positions. */
function isEmbedding(config: ModelConfig, tensor: string): boolean {
  const { positions } = tensorNames(config);
  return tensor === embeddingName(config) || (positions !== undefined && tensor === weightOf(positions));
}

function isInputFirst(config: ModelConfig, tensor: string): boolean {
  return isEmbedding(config, tensor) || (tensorNames(config).transposed === true && tensor !== headName(config));
}

/** The base's tensor that a pair changes exists and is one that the adapter's config puts a pair on. */
function requireTarget(
  name: string,
  target: string,
  embedding: boolean,
  adapter: AdapterConfig,
  config: ModelConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  const module = moduleOf(target);
  const onEmbedding = isEmbedding(config, target);
  const head = target === headName(config);
  if (config.tied && (target === embeddingName(config) || head)) {
    throw unsupportedAdapter(
      'target_modules',
      `reach ${module}, which the base ties to another: the pair would part them`,
    );
  }
  const shape = shapes.get(target);
  if (!shape) throw tensorMismatch(name, `the base has no ${target}`);
  if (shape.length !== 2 || embedding !== onEmbedding) {
    throw tensorMismatch(
      name,
      `is no pair for ${module}, ${onEmbedding ? 'an embedding' : 'which is none or no matrix'}`,
    );
  }
  if (!adapter.isTarget(module, { linear: !onEmbedding, head })) {
    throw tensorMismatch(target, 'has a LoRA pair, but the target_modules of the config do not reach it');
  }
}

function requirePairShapes(
  { a, b, rank, inputFirst }: AdapterPair,
  entries: ReadonlyMap<string, TensorEntry>,
  base: readonly number[],
): void {
  const [out, inner] = (inputFirst ? [...base].reverse() : base) as [number, number];
  requireShape(entries.get(a)!, [rank, inner]);
  requireShape(entries.get(b)!, [out, rank]);
}

/**
 * The base's tensor that a whole tensor of the adapter takes the place of: one of `modules_to_save`, or an embedding or
 * head, which PEFT saves beside pairs on them (as `base_layer`) and after new tokens.
 */
function replacedTensor(
  entry: TensorEntry,
  path: string,
  adapter: AdapterConfig,
  config: ModelConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
): string {
  const target = path.replace(/\.base_layer\.weight$/, '.weight');
  // A tied head has no tensor of its own: what is read of it is compared with the embedding.
  const head = target === headName(config);
  const shape = shapes.get(head && config.tied ? embeddingName(config) : target);
  if (!shape) throw tensorMismatch(entry.name, 'is no LoRA weight and no tensor of the base');
  const module = moduleOf(target);
  const saved = adapter.savedModules.some((name) => pathsAbove(module).some((above) => above.endsWith(name)));
  if (!saved && target !== embeddingName(config) && !head) {
    throw tensorMismatch(entry.name, 'is a whole tensor, but no modules_to_save of the config reach it');
  }
  requireShape(entry, shape);
  return target;
}

/** The module and everything that it is a part of: PEFT saves a module with all below it. */
function pathsAbove(module: string): string[] {
  const parts = module.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

function requireShape({ name, shape }: TensorEntry, expected: readonly number[]): void {
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  throw tensorMismatch(name, `has the shape [${shape}], expected is [${expected}]`);
}
