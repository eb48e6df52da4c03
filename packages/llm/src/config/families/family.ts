import type { z } from 'zod';
import type { ModelFields } from '../model-fields.ts';
import type { LayerRole, Traits } from '../traits.ts';

/** Module paths of a family in its files; a weight is `path.weight`, its bias `path.bias`. */
export interface TensorNames {
  readonly embedding: string;
  /** Learned positions instead of rotary ones. */
  readonly positions?: string;
  readonly finalNorm: string;
  readonly head: string;
  /** Path of a layer without its number, e.g. `model.layers`. */
  readonly layers: string;
  /**
   * Modules of one layer, below `layers.N`. What is absent does not exist: no `gate` = a plain feed-forward, `qkv`
   * instead of `q`, `k`, `v` = one matrix, norms after a branch only where named.
   */
  readonly modules: Partial<Readonly<Record<LayerRole, string>>>;
  /** Row order of `qkv`: all queries, keys, values in turn, or query, key, value of each head. Default 'blocks'. */
  readonly qkvOrder?: 'blocks' | 'heads';
  /** Matrices of a layer are stored [in, out]. Default false: [out, in]. */
  readonly transposed?: boolean;
}

/** A model family: how its config.json is read and what its tensors are called. One file each in this folder. */
export interface Family {
  /** The one entry of `architectures`. */
  readonly architecture: string;
  readonly modelType: string;
  readonly names: TensorNames;
  /** Keys of config.json that the family calls otherwise than Llama: its name to Llama's. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Values, under Llama's keys, that transformers takes where the file has none. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Further keys that `traits` reads. A key that changes the arithmetic and is in no such list is refused. */
  readonly reads: readonly string[];
  /** The family's differences from Llama. @throws BadInputError `MODEL_UNSUPPORTED` for what it cannot express. */
  traits(raw: RawConfig): Partial<Omit<Traits, 'family'>>;
  /** Default rotary base; 10,000 where absent. */
  readonly ropeTheta?: number;
  /** The family has `partial_rotary_factor`, part of a head that turns: its default. Absent: heads turn as a whole. */
  readonly partialRotary?: number;
  /** Default rotary base of local layers, for a family that has two bases (Gemma 3). */
  readonly localTheta?: number;
}

/** The fields common to all families, parsed, beside the other keys of the file as they stand. */
export type RawConfig = z.infer<z.ZodObject<typeof ModelFields>> & Record<string, unknown>;
