import type { ModelConfig } from '../config/model-config.ts';
import type { TrainedTensor } from './adamw.ts';
import type { LoraSettings } from './hyperparameters.ts';
import { SeededRandom } from './random.ts';
import { trainedSpecs, type WeightSpec } from './weight-specs.ts';

/** Random streams of the initial values; see `SeededRandom`. */
const ADAPTER_STREAM = 3;
const MODEL_STREAM = 4;
/** Standard deviation of a new model's matrices; those that write into the residual stream get it over √(2·layers). */
const INITIAL_DEVIATION = 0.04;

/** Makes an array of zeros; see `AdamW.array`. */
type MakeArray = (length: number) => Float32Array;
const plainArray: MakeArray = (length) => new Float32Array(length);

/** Copies of `values` with fresh optimiser state. */
export function trainedTensor(
  { name, dims }: WeightSpec,
  values: Float32Array,
  array: MakeArray = plainArray,
): TrainedTensor {
  const tensor = { name, dims, values: array(values.length), m: array(values.length), v: array(values.length) };
  tensor.values.set(values);
  return tensor;
}

/** A fresh adapter: A ~ N(0, 1/in), B = 0, so that the first forward pass is the base model's. */
export function freshAdapter(
  config: ModelConfig,
  lora: LoraSettings,
  seed: number,
  array: MakeArray = plainArray,
): TrainedTensor[] {
  return trainedSpecs(config, lora).map((spec, index) => {
    const [outputs, inputs] = spec.dims as [number, number];
    const values = new Float32Array(outputs * inputs);
    if (spec.name.endsWith('lora_A.weight')) fillNormal(values, 1 / Math.sqrt(inputs), seed, ADAPTER_STREAM, index);
    return trainedTensor(spec, values, array);
  });
}

/** A new model: norms 1, biases 0, matrices small random numbers. */
export function freshModel(config: ModelConfig, seed: number): TrainedTensor[] {
  const storedLessOne = config.traits.norm === 'rms-plus-one';
  return trainedSpecs(config, undefined).map((spec, index) => {
    const values = new Float32Array(spec.dims.reduce((product, size) => product * size, 1));
    const intoResidual = /\.(?:o_proj|down_proj|dense|dense_4h_to_h|c_proj)\.weight$/.test(spec.name);
    const deviation = intoResidual ? INITIAL_DEVIATION / Math.sqrt(2 * config.layers) : INITIAL_DEVIATION;
    if (spec.dims.length === 1) values.fill(spec.name.endsWith('.bias') || storedLessOne ? 0 : 1);
    else fillNormal(values, deviation, seed, MODEL_STREAM, index);
    return trainedTensor(spec, values);
  });
}

function fillNormal(values: Float32Array, deviation: number, seed: number, stream: number, index: number): void {
  const random = new SeededRandom(seed, stream, index);
  for (let i = 0; i < values.length; i++) values[i] = random.normal() * deviation;
}
