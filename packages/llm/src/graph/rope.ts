import type { ModelConfig } from '../config/model-config.ts';

/**
 * Rotary tables cos and sin of t·θ^(−2i/d), each [positions, headDim / 2] row-major, computed in float64 and rounded
 * once. Half-split convention: element i pairs with i + headDim / 2 (transformers' `rotate_half`).
 */
export function ropeTables(
  config: Pick<ModelConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  const half = config.headDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = scaled(config.ropeTheta ** ((-2 * i) / config.headDim), config);
    for (let t = 0; t < positions; t++) {
      cos[t * half + i] = Math.cos(t * frequency);
      sin[t * half + i] = Math.sin(t * frequency);
    }
  }
  return { cos, sin };
}

/** transformers' "llama3" rule (modeling_rope_utils.py): long wavelengths are stretched, short ones kept, in between a blend. */
function scaled(frequency: number, { ropeScaling: scaling }: Pick<ModelConfig, 'ropeScaling'>): number {
  if (!scaling) return frequency;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions: original } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const share = (original / wavelength - low) / (high - low);
  return ((1 - share) * frequency) / factor + share * frequency;
}
