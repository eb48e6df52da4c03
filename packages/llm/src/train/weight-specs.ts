import type { ModelConfig } from '../config/model-config.ts';
import { layerTensors, modelTensors } from '../config/tensors.ts';
import type { LoraSettings, LoraTarget } from './hyperparameters.ts';
import { LORA_TARGETS } from './hyperparameters.ts';

export interface WeightSpec {
  readonly name: string;
  readonly dims: readonly number[];
}

/** The weights that a run trains, in the order in which the training graph declares them. */
export function trainedSpecs(config: ModelConfig, lora: LoraSettings | undefined): WeightSpec[] {
  const tensors = modelTensors(config);
  if (lora === undefined) return [...tensors].map(([name, dims]) => ({ name, dims }));
  const specs: WeightSpec[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const target of LORA_TARGETS.filter((name) => lora.targets.includes(name))) {
      const weight = targetWeight(layer, target);
      specs.push(...loraSpecs(weight, tensors.get(weight)!, lora.rank));
    }
  }
  return specs;
}

/** A (down, [rank, in]) and B (up, [out, rank]) of the adapter on a linear weight, under PEFT's keys. */
export function loraSpecs(weight: string, dims: readonly number[], rank: number): [WeightSpec, WeightSpec] {
  // As PEFT saves them: the module's path below `base_model.model`, the adapter's name removed.
  const path = `base_model.model.${weight.replace(/\.weight$/, '')}`;
  return [
    { name: `${path}.lora_A.weight`, dims: [rank, dims[1]!] },
    { name: `${path}.lora_B.weight`, dims: [dims[0]!, rank] },
  ];
}

/** Name of the weight that a target stands for in one layer. */
export function targetWeight(layer: number, target: LoraTarget): string {
  const key = target.replace('_proj', '') as 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
  return layerTensors(layer)[key];
}
