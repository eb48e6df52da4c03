import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import type { Family, RawConfig } from './families/family.ts';
import { FAMILIES } from './families/index.ts';
import { readJsonFile } from './json-file.ts';
import { ModelFields } from './model-fields.ts';
import { refuseUnreadKeys } from './refused-keys.ts';
import { parseRope, type RopeScaling } from './rope-config.ts';
import { LLAMA_TRAITS, type Traits } from './traits.ts';
import { unsupportedModel } from './unsupported.ts';

/** What the graph of a model depends on, and its special ids. */
export interface ModelConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  /** True: the head shares the embedding and has no weight of its own. */
  readonly tied: boolean;
  readonly maxPositions: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** The family, and its differences from Llama. */
  readonly traits: Traits;
}

/** The keys that we read; the rest passes unless it changes the arithmetic. */
const configSchema = z.looseObject(ModelFields);

/**
 * The config of a model from the parsed `config.json`.
 * @throws BadInputError `MODEL_UNSUPPORTED` naming the architecture or the key that our graph cannot express.
 */
export function parseModelConfig(json: unknown): ModelConfig {
  const family = namedFamily(json);
  const raw = readRaw(family, json as Record<string, unknown>);
  const heads = raw.num_attention_heads;
  const kvHeads = raw.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0)
    throw unsupportedModel('num_key_value_heads', `= ${kvHeads} does not divide ${heads} heads`);
  const headDim = raw.head_dim ?? raw.hidden_size / heads;
  if (!Number.isInteger(headDim)) throw unsupportedModel('num_attention_heads', `= ${heads} do not divide hidden_size`);
  const { theta, scaling, ...ropeTraits } = ropeOf(family, raw, headDim);
  const traits = { ...LLAMA_TRAITS, ...family.traits(raw), family: family.modelType, ...ropeTraits };
  const eos = raw.eos_token_id;
  return {
    vocabularySize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    layers: raw.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    intermediateSize: raw.intermediate_size,
    normEpsilon: raw.rms_norm_eps,
    ropeTheta: theta,
    ropeScaling: scaling,
    tied: raw.tie_word_embeddings,
    maxPositions: raw.max_position_embeddings,
    bosId: raw.bos_token_id ?? undefined,
    eosId: (Array.isArray(eos) ? eos[0] : eos) ?? undefined,
    traits,
  };
}

function namedFamily(json: unknown): Family {
  const { architectures, model_type: type } = (json ?? {}) as { architectures?: unknown; model_type?: unknown };
  const named = Array.isArray(architectures) ? architectures.join(', ') : undefined;
  const family = FAMILIES.find(({ architecture, modelType }) => architecture === named && modelType === type);
  if (family) return family;
  const known = FAMILIES.map(({ architecture, modelType }) => `${architecture} (model_type ${modelType})`);
  throw unsupportedModel(
    'architectures',
    `= ${String(named ?? type ?? 'nothing').slice(0, 100)} is not supported; supported are ${known.join(', ')}`,
  );
}

/** The file under Llama's key names, with the family's defaults, checked. */
function readRaw(family: Family, json: Record<string, unknown>): RawConfig {
  const renamed = family.renamed ?? {};
  const layerTypes = json['layer_types'];
  const known = new Set([...Object.keys(ModelFields), ...Object.keys(renamed), ...family.reads]);
  if (family.partialRotary === undefined) known.delete('partial_rotary_factor');
  // A key of another family under its own name is looked at again there.
  if (!family.reads.includes('original_max_position_embeddings')) known.delete('original_max_position_embeddings');
  if (Array.isArray(layerTypes) && layerTypes.every((type) => type === 'full_attention')) known.add('layer_types');
  refuseUnreadKeys(json, known);
  const merged: Record<string, unknown> = { ...family.defaults, ...json };
  for (const [own, common] of Object.entries(renamed)) {
    if (json[own] != null) merged[common] = json[own];
  }
  // GPT-2's convention.
  if (merged['intermediate_size'] == null && typeof merged['hidden_size'] === 'number' && 'n_inner' in renamed) {
    merged['intermediate_size'] = 4 * merged['hidden_size'];
  }
  const result = configSchema.safeParse(merged);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = issue.path.join('.');
  const own = Object.keys(renamed).find((name) => renamed[name] === key && json[name] !== undefined);
  throw unsupportedModel(own ?? (key || 'the file'), `is not usable: ${issue.message}`);
}

function ropeOf(family: Family, raw: RawConfig, headDim: number) {
  const theta = family.ropeTheta ?? 10_000;
  if (family.names.positions !== undefined) {
    return { theta, scaling: undefined, rotaryDim: 0, localRope: null };
  }
  const partial = family.partialRotary ?? 1;
  const { global, local } = family.localTheta === undefined ? { global: raw, local: null } : splitRope(family, raw);
  const rope = parseRope(global, { theta, partial });
  const own = local && parseRope(local, { theta: family.localTheta ?? 10_000, partial: 1 });
  if (family.partialRotary === undefined && rope.partial !== 1) {
    throw unsupportedModel('partial_rotary_factor', `= ${rope.partial} is not supported`);
  }
  // As transformers rounds it.
  const rotaryDim = Math.floor(headDim * rope.partial);
  if (rotaryDim % 2 !== 0) throw unsupportedModel('head_dim', `= ${headDim} has an odd number of rotary elements`);
  for (const { scaling } of own ? [rope, own] : [rope]) {
    if (scaling?.kind !== 'longrope') continue;
    for (const [name, { length }] of [
      ['short_factor', scaling.shortFactors],
      ['long_factor', scaling.longFactors],
    ] as const) {
      if (length === rotaryDim / 2) continue;
      throw unsupportedModel(`rope_scaling.${name}`, `has ${length} factors, needed are ${rotaryDim / 2}`);
    }
  }
  return {
    theta: rope.theta,
    scaling: rope.scaling,
    rotaryDim: rotaryDim === headDim ? null : rotaryDim,
    localRope: own && { theta: own.theta, scaling: own.scaling },
  };
}

/** Gemma 3 has its two sets of frequencies side by side, or in older files the local base under a key of its own. */
function splitRope(family: Family, raw: RawConfig): { global: RawConfig; local: RawConfig } {
  const { rope_parameters: both, rope_local_base_freq: localBase } = raw;
  const { full_attention: full, sliding_attention: sliding, ...flat } = both ?? {};
  if (full === undefined && sliding === undefined) {
    const theta = typeof localBase === 'number' ? localBase : family.localTheta;
    return { global: raw, local: { ...raw, rope_parameters: undefined, rope_scaling: undefined, rope_theta: theta } };
  }
  const place = z.record(z.string(), z.unknown()).nullish();
  const parsed = z.object({ full: place, sliding: place }).safeParse({ full, sliding });
  if (!parsed.success || Object.keys(flat).length > 0) {
    throw unsupportedModel('rope_parameters', 'must be given by layer type, or for all layers, not both');
  }
  return {
    global: { ...raw, rope_parameters: parsed.data.full },
    local: { ...raw, rope_parameters: parsed.data.sliding, rope_scaling: undefined, rope_theta: undefined },
  };
}

/** `parseModelConfig` of the file `config.json` in `dir`. @throws also BadInputError `FILE_MISSING`, `FILE_INVALID`. */
export async function readModelConfig(dir: string): Promise<ModelConfig> {
  return parseModelConfig(await readJsonFile(dir, 'config.json', LIMITS.jsonFileBytes));
}

/** The first key in which two configs would give different graphs, or undefined. Ids and context length do not count. */
export function configDifference(base: ModelConfig, other: ModelConfig): string | undefined {
  const ours = arithmeticOf(base);
  const theirs = arithmeticOf(other);
  return Object.keys(ours).find((key) => JSON.stringify(ours[key]) !== JSON.stringify(theirs[key]));
}

function arithmeticOf({ traits, bosId: _bos, eosId: _eos, maxPositions, ...sizes }: ModelConfig) {
  // Learned positions are a weight, whose size counts.
  return { ...sizes, ...traits, ...(traits.rotaryDim === 0 ? { maxPositions } : {}) } as Record<string, unknown>;
}
