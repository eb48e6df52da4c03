import { z } from 'zod';
import { unsupportedModel } from './unsupported.ts';

/** How rotary frequencies are changed for a longer context; the rules are those of transformers' modeling_rope_utils.py. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  /** A row longer than the original context gets a base of its own. */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalPositions: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      /** Tokens of the context that the model was first trained with. */
      readonly originalPositions: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      /** Factor of cos and sin. */
      readonly attentionFactor: number;
    }
  | {
      readonly kind: 'longrope';
      readonly originalPositions: number;
      /** Divisors of each frequency, for rows within the original context and beyond it. */
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly attentionFactor: number;
    };

const positive = z.number().gt(0).max(1e12);
const factor = z.number().min(1).max(1_000);
const kindFields = { rope_type: z.string().nullish(), type: z.string().nullish() };
const original = { original_max_position_embeddings: positive.nullish() };
const attention = { attention_factor: positive.nullish() };
/** A key that a kind does not have is refused: it would change the frequencies in a way that we do not know. */
const schemas = {
  linear: z.strictObject({ ...kindFields, factor }),
  dynamic: z.strictObject({ ...kindFields, factor }),
  llama3: z.strictObject({ ...kindFields, ...original, factor, low_freq_factor: positive, high_freq_factor: positive }),
  yarn: z.strictObject({
    ...kindFields,
    ...original,
    ...attention,
    factor: factor.nullish(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    mscale: positive.nullish(),
    mscale_all_dim: positive.nullish(),
    truncate: z.boolean().default(true),
  }),
  longrope: z.strictObject({
    ...kindFields,
    ...original,
    ...attention,
    factor: factor.nullish(),
    short_factor: z.array(positive).min(1).max(1_024),
    long_factor: z.array(positive).min(1).max(1_024),
  }),
} as const;

interface Positions {
  readonly max_position_embeddings: number;
  readonly original_max_position_embeddings?: number | null | undefined;
}

/**
 * @param scaling `rope_scaling`, or what `rope_parameters` holds beside the base
 * @throws BadInputError `MODEL_UNSUPPORTED`.
 */
export function parseScaling(scaling: Record<string, unknown>, positions: Positions): RopeScaling | undefined {
  const named = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  // Early Phi-3 files call longrope "su".
  const kind = named === 'su' ? 'longrope' : named;
  switch (kind) {
    case 'default':
      return undefined;
    case 'linear':
      return { kind: 'linear', factor: parse(schemas.linear, scaling).factor };
    case 'dynamic': {
      const parsed = parse(schemas.dynamic, scaling);
      return { kind: 'dynamic', factor: parsed.factor, originalPositions: positions.max_position_embeddings };
    }
    case 'llama3':
      return llama3(parse(schemas.llama3, scaling), positions);
    case 'yarn':
      return yarn(parse(schemas.yarn, scaling), positions);
    case 'longrope':
      return longrope(parse(schemas.longrope, scaling), positions);
    default:
      throw unsupportedModel(
        'rope_type',
        `= ${JSON.stringify(kind)} is not supported, only default, ${Object.keys(schemas).join(', ')}`,
      );
  }
}

function llama3(raw: z.infer<(typeof schemas)['llama3']>, positions: Positions): RopeScaling {
  const { low_freq_factor: low, high_freq_factor: high } = raw;
  if (high <= low) throw unsupportedModel('rope_scaling.high_freq_factor', `= ${high} must be above low_freq_factor`);
  return {
    kind: 'llama3',
    factor: raw.factor,
    lowFrequencyFactor: low,
    highFrequencyFactor: high,
    originalPositions: originalOf(raw, positions),
  };
}

function yarn(raw: z.infer<(typeof schemas)['yarn']>, positions: Positions): RopeScaling {
  const originalPositions = originalOf(raw, positions);
  const stretch = raw.factor ?? positions.max_position_embeddings / originalPositions;
  const share = (weight: number) => (stretch <= 1 ? 1 : 0.1 * weight * Math.log(stretch) + 1);
  const { mscale, mscale_all_dim: allDims } = raw;
  return {
    kind: 'yarn',
    factor: stretch,
    originalPositions,
    betaFast: raw.beta_fast ?? 32,
    betaSlow: raw.beta_slow ?? 1,
    truncate: raw.truncate,
    attentionFactor: raw.attention_factor ?? (mscale && allDims ? share(mscale) / share(allDims) : share(1)),
  };
}

function longrope(raw: z.infer<(typeof schemas)['longrope']>, positions: Positions): RopeScaling {
  const originalPositions = originalOf(raw, positions);
  const stretch = raw.factor ?? positions.max_position_embeddings / originalPositions;
  return {
    kind: 'longrope',
    originalPositions,
    shortFactors: raw.short_factor,
    longFactors: raw.long_factor,
    attentionFactor:
      raw.attention_factor ?? (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(originalPositions))),
  };
}

/** The place outside comes first, as in transformers. */
function originalOf(raw: { original_max_position_embeddings?: number | null | undefined }, outside: Positions): number {
  return (
    outside.original_max_position_embeddings ?? raw.original_max_position_embeddings ?? outside.max_position_embeddings
  );
}

function parse<T extends z.ZodType>(schema: T, scaling: Record<string, unknown>): z.infer<T> {
  const parsed = schema.safeParse(scaling);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path.join('.');
  throw unsupportedModel(`rope_scaling.${key}`, `is not usable: ${issue.message}`);
}
