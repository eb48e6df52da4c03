import { z } from 'zod';
import { type Activation, type LayerTraits, perLayerOf } from '../traits.ts';
import { unsupportedModel } from '../unsupported.ts';
import type { RawConfig } from './family.ts';

/** Reads keys of a family. @throws BadInputError `MODEL_UNSUPPORTED` naming the first one that is not usable. */
export function readFields<T extends z.ZodRawShape>(raw: RawConfig, fields: T): z.infer<z.ZodObject<T>> {
  const parsed = z.object(fields).safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw unsupportedModel(issue.path.join('.'), `is not usable: ${issue.message}`);
}

export const windowField = z.number().int().min(1).max(100_000_000).nullish();
export const layerTypesField = z.array(z.enum(['full_attention', 'sliding_attention'])).nullish();

export function activationOf(raw: RawConfig, names: Readonly<Record<string, Activation>>): Activation {
  const found = Object.hasOwn(names, raw.hidden_act) ? names[raw.hidden_act] : undefined;
  if (found) return found;
  const allowed = Object.keys(names)
    .map((name) => `"${name}"`)
    .join(' and ');
  throw unsupportedModel('hidden_act', `= "${raw.hidden_act}" is not supported, only ${allowed}`);
}

/** The names under which transformers has the activations of the newer families. */
export const SILU: Readonly<Record<string, Activation>> = { silu: 'silu', swish: 'silu' };
export const GELUS: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
};

/**
 * `perLayer` from the file's `layer_types`, or from the family's rule where there is none.
 * @param window of the sliding layers; null or undefined: the family does not slide, and no layer may ask for it
 */
export function slidingLayers(
  raw: RawConfig,
  args: {
    window: number | null | undefined;
    types: readonly ('full_attention' | 'sliding_attention')[] | null | undefined;
    /** Whether a layer slides where the file does not say. */
    slides: (layer: number) => boolean;
    /** Frequencies of the sliding layers; default global. */
    localRope?: boolean;
  },
): readonly LayerTraits[] | null {
  const { window, types, slides } = args;
  if (types && types.length < raw.num_hidden_layers) {
    throw unsupportedModel('layer_types', `has ${types.length} entries for ${raw.num_hidden_layers} layers`);
  }
  return perLayerOf(
    Array.from({ length: raw.num_hidden_layers }, (_, layer): LayerTraits => {
      const sliding = types ? types[layer] === 'sliding_attention' : slides(layer);
      if (!sliding) return { window: null, rope: 'global' };
      if (window == null) throw unsupportedModel('layer_types', 'ask for a sliding_window that there is none of');
      return { window, rope: args.localRope ? 'local' : 'global' };
    }),
  );
}
