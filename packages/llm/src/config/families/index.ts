import type { Family } from './family.ts';
import { gemma2, gemma3 } from './gemma.ts';
import { gptNeox } from './gpt-neox.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { phi3 } from './phi3.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { smollm3 } from './smollm3.ts';

/** Every family that we can express. */
export const FAMILIES: readonly Family[] = [llama, mistral, qwen2, qwen3, smollm3, phi3, gemma2, gemma3, gptNeox, gpt2];

const byType = new Map(FAMILIES.map((family) => [family.modelType, family]));

/** The family with this `model_type`. */
export function familyOf(modelType: string): Family {
  const family = byType.get(modelType);
  if (!family) throw new RangeError(`there is no model family ${modelType}`);
  return family;
}
