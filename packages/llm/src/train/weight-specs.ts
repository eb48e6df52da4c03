import { BadInputError } from '@tuning/kit';
import type { ModelConfig } from '../config/model-config.ts';
import { layerModules, modelTensors, weightOf } from '../config/tensors.ts';
import type { LayerRole } from '../config/traits.ts';
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
  return loraWeights(config, lora).flatMap((weight) => loraSpecs(weight, tensors.get(weight)!, lora.rank));
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

const ROLES: Readonly<Record<LoraTarget, LayerRole>> = {
  q_proj: 'q',
  k_proj: 'k',
  v_proj: 'v',
  o_proj: 'o',
  gate_proj: 'gate',
  up_proj: 'up',
  down_proj: 'down',
};

/**
 * The weights that an adapter sits on, in graph order.
 * @throws BadInputError `TRAINING_UNSUPPORTED` for a target that the family does not have under this name.
 */
export function loraWeights(config: ModelConfig, lora: LoraSettings): string[] {
  const weights: string[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const modules = layerModules(config, layer);
    for (const target of LORA_TARGETS.filter((name) => lora.targets.includes(name))) {
      const module = modules[ROLES[target]];
      if (module === undefined || !module.endsWith(`.${target}`)) {
        throw unsupportedTraining(
          target,
          `is no module of a ${config.traits.family} model, so no adapter can sit on it`,
        );
      }
      weights.push(weightOf(module));
    }
  }
  return weights;
}

/** A run that the training graph cannot express. `setting` and `problem` read as one sentence. */
export function unsupportedTraining(setting: string, problem: string): BadInputError {
  return new BadInputError('TRAINING_UNSUPPORTED', `${setting} ${problem}`, { details: { setting, problem } });
}
