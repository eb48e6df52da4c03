import { z } from 'zod';
import { unsupportedModel } from './unsupported.ts';

/** Llama 3's frequency-dependent stretching of the rotary wavelengths. */
export interface RopeScaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  /** Tokens of the context that the model was first trained with. */
  readonly originalPositions: number;
}

const positive = z.number().gt(0).max(1e12);
const scalingSchema = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  partial_rotary_factor: z.number().nullish(),
});
const llama3Schema = z.looseObject({
  factor: z.number().min(1).max(1_000),
  low_freq_factor: positive,
  high_freq_factor: positive,
  original_max_position_embeddings: positive,
});

/** Older files have `rope_theta` and `rope_scaling`, newer ones put everything into `rope_parameters`. */
export const ropeFields = {
  rope_theta: positive.nullish(),
  rope_scaling: scalingSchema.nullish(),
  rope_parameters: scalingSchema.nullish(),
};
type RopeFields = z.infer<z.ZodObject<typeof ropeFields>>;

/** @throws BadInputError `MODEL_UNSUPPORTED` for another type than default and llama3, or two places that disagree. */
export function parseRope(raw: RopeFields): { ropeTheta: number; ropeScaling: RopeScaling | undefined } {
  const { rope_theta: outer, rope_scaling: older, rope_parameters: newer } = raw;
  const inner = newer?.rope_theta ?? older?.rope_theta;
  if (outer != null && inner != null && outer !== inner) {
    throw unsupportedModel('rope_theta', `is ${outer} in one place and ${inner} in another`);
  }
  for (const place of [older, newer]) {
    if (place?.partial_rotary_factor != null && place.partial_rotary_factor !== 1) {
      throw unsupportedModel('partial_rotary_factor', `= ${place.partial_rotary_factor} is not supported`);
    }
  }
  const first = parseScaling(older);
  const second = parseScaling(newer);
  if (older && newer && JSON.stringify(first) !== JSON.stringify(second)) {
    throw unsupportedModel('rope_scaling', 'and rope_parameters disagree');
  }
  return { ropeTheta: outer ?? inner ?? 10_000, ropeScaling: newer ? second : first };
}

function parseScaling(scaling: RopeFields['rope_scaling']): RopeScaling | undefined {
  if (!scaling) return undefined;
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  if (type === 'default') return undefined;
  if (type !== 'llama3') throw unsupportedModel('rope_type', `= "${type}" is not supported, only default and llama3`);
  const parsed = llama3Schema.safeParse(scaling);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw unsupportedModel(`rope_scaling.${issue.path.join('.')}`, `is not usable: ${issue.message}`);
  }
  const {
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: original,
  } = parsed.data;
  if (high <= low) throw unsupportedModel('rope_scaling.high_freq_factor', `= ${high} must be above low_freq_factor`);
  return { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions: original };
}
