import type { RopeScaling } from './rope-config.ts';

/** Non-linearity of the feed-forward part. `gelu-tanh` is the approximation that GPT-2 and Gemma use. */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh';

/** Linear modules of a layer that may have a bias, and norms are named by the same roles; see `TensorNames`. */
export type LayerRole =
  | 'attentionNorm'
  | 'q'
  | 'k'
  | 'v'
  | 'qkv'
  | 'qNorm'
  | 'kNorm'
  | 'o'
  | 'attentionPostNorm'
  | 'mlpNorm'
  | 'gate'
  | 'up'
  | 'gateUp'
  | 'down'
  | 'mlpPostNorm';

/** What may differ from layer to layer. */
export interface LayerTraits {
  /** A token sees itself and the window − 1 before it; null = all before it. */
  readonly window: number | null;
  /** Which of the model's rotary frequencies the layer uses. */
  readonly rope: 'global' | 'local' | 'none';
}

/** Everything beside its sizes in which a model may differ from Llama's arithmetic. Plain data, so that it compares. */
export interface Traits {
  /** `model_type` of config.json; decides the tensors' names. */
  readonly family: string;
  /** `rms-plus-one`: the weight is stored less 1. `layer`: LayerNorm with weight and bias. */
  readonly norm: 'rms' | 'rms-plus-one' | 'layer';
  /** True: attention and feed-forward both read the layer's input, and both are added to it. */
  readonly parallel: boolean;
  readonly activation: Activation;
  /** Linear modules with a bias. */
  readonly biases: readonly LayerRole[];
  /** Null = every layer sees everything before it, with the global frequencies. */
  readonly perLayer: readonly LayerTraits[] | null;
  /** Leading elements of each head that turn with the position; null = all. */
  readonly rotaryDim: number | null;
  /** Frequencies of layers with `rope: 'local'`. */
  readonly localRope: { readonly theta: number; readonly scaling: RopeScaling | undefined } | null;
  /** Factor of the attention scores; null = 1/√headDim. */
  readonly attentionScale: number | null;
  /** c·tanh(x/c) of the attention scores before the mask. */
  readonly attentionCap: number | null;
  /** The same of the logits. */
  readonly logitCap: number | null;
  /** Factor of the embedding. */
  readonly embeddingScale: number;
}

/** A plain Llama: what every trait is where a family does not say otherwise. */
export const LLAMA_TRAITS: Traits = {
  family: 'llama',
  norm: 'rms',
  parallel: false,
  activation: 'silu',
  biases: [],
  perLayer: null,
  rotaryDim: null,
  localRope: null,
  attentionScale: null,
  attentionCap: null,
  logitCap: null,
  embeddingScale: 1,
};

const PLAIN_LAYER: LayerTraits = { window: null, rope: 'global' };

export function layerTraits(traits: Traits, layer: number): LayerTraits {
  return traits.perLayer?.[layer] ?? PLAIN_LAYER;
}

/** `perLayer` in its one form: null where no layer differs from Llama's. */
export function perLayerOf(layers: readonly LayerTraits[]): readonly LayerTraits[] | null {
  return layers.every(({ window, rope }) => window === null && rope === 'global') ? null : layers;
}
