import { z } from 'zod';
import { parseScaling, type RopeScaling } from './rope-scaling.ts';
import { unsupportedModel } from './unsupported.ts';

export type { RopeScaling } from './rope-scaling.ts';

const positive = z.number().gt(0).max(1e12);
const place = z.record(z.string(), z.unknown());

/** Older files have `rope_theta` and `rope_scaling`, newer ones put everything into `rope_parameters`. */
export const ropeFields = {
  rope_theta: positive.nullish(),
  partial_rotary_factor: z.number().gt(0).max(1).nullish(),
  original_max_position_embeddings: positive.nullish(),
  rope_scaling: place.nullish(),
  rope_parameters: place.nullish(),
};
type RopeFields = z.infer<z.ZodObject<typeof ropeFields>> & { readonly max_position_embeddings: number };

const baseSchema = z.looseObject({
  rope_theta: positive.nullish(),
  partial_rotary_factor: z.number().gt(0).max(1).nullish(),
});

export interface Rope {
  readonly theta: number;
  readonly scaling: RopeScaling | undefined;
  /** Share of each head that turns. */
  readonly partial: number;
}

/**
 * @param defaults what the family takes where the file has none
 * @throws BadInputError `MODEL_UNSUPPORTED` for another type than we compute, a key that it does not have, or two places
 * that disagree.
 */
export function parseRope(raw: RopeFields, defaults: { theta: number; partial: number }): Rope {
  const { rope_theta: theta, partial_rotary_factor: partial, rope_scaling: older, rope_parameters: newer } = raw;
  const places = [older, newer].filter((found) => found != null).map((found) => parsePlace(found, raw));
  const rope = {
    theta: oneOf('rope_theta', [theta, ...places.map((found) => found.theta)]) ?? defaults.theta,
    partial: oneOf('partial_rotary_factor', [partial, ...places.map((found) => found.partial)]) ?? defaults.partial,
  };
  const [first, second] = places;
  if (first && second && JSON.stringify(first.scaling) !== JSON.stringify(second.scaling)) {
    throw unsupportedModel('rope_scaling', 'and rope_parameters disagree');
  }
  return { ...rope, scaling: first?.scaling };
}

function parsePlace(found: Record<string, unknown>, raw: RopeFields) {
  const parsed = baseSchema.safeParse(found);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw unsupportedModel(`rope_parameters.${issue.path.join('.')}`, `is not usable: ${issue.message}`);
  }
  const { rope_theta: theta, partial_rotary_factor: partial, ...rest } = parsed.data;
  return { theta, partial, scaling: parseScaling(rest, raw) };
}

/** The one value that is given, in however many places. */
function oneOf(key: string, values: readonly (number | null | undefined)[]): number | undefined {
  const given = values.filter((value) => value != null);
  const other = given.find((value) => value !== given[0]);
  if (other !== undefined) throw unsupportedModel(key, `is ${given[0]} in one place and ${other} in another`);
  return given[0];
}
