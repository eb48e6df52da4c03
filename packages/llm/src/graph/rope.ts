import type { RopeScaling } from '../config/rope-config.ts';

/** Frequencies of one kind of layer. */
export interface RotaryFrequencies {
  /** Elements of each head that turn; even. */
  readonly dim: number;
  readonly theta: number;
  readonly scaling: RopeScaling | undefined;
}

/**
 * Rotary tables cos and sin of t·θ^(−2i/dim), each [positions, dim / 2] row-major. Half-split convention: element i pairs
 * with i + dim / 2 (transformers' `rotate_half`).
 * @param rowTokens ids of the row, which decide on the frequencies of the scalings that stretch only for long rows
 */
export function ropeTables(
  rope: RotaryFrequencies,
  positions: number,
  rowTokens = positions,
): { cos: Float32Array; sin: Float32Array } {
  const half = rope.dim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  const frequencies = frequenciesOf(rope, rowTokens);
  const { scaling } = rope;
  const factor = scaling?.kind === 'yarn' || scaling?.kind === 'longrope' ? scaling.attentionFactor : 1;
  for (const [i, frequency] of frequencies.entries()) {
    // transformers has frequencies and angles in float32. At position 2,000 that is up to 1e-4 of a radian off, and more
    // precise angles would give other losses than every other implementation.
    const step = Math.fround(frequency);
    for (let t = 0; t < positions; t++) {
      const angle = Math.fround(t * step);
      cos[t * half + i] = Math.cos(angle) * factor;
      sin[t * half + i] = Math.sin(angle) * factor;
    }
  }
  return { cos, sin };
}

/**
 * What a row's length decides on: rows of different regimes have different frequencies and cannot share tables.
 * 0 = the frequencies of a short row.
 */
export function ropeRegime(scaling: RopeScaling | undefined, rowTokens: number): number {
  if (scaling?.kind === 'longrope') return rowTokens > scaling.originalPositions ? scaling.originalPositions + 1 : 0;
  if (scaling?.kind === 'dynamic') return rowTokens > scaling.originalPositions ? rowTokens : 0;
  return 0;
}

function frequenciesOf({ dim, theta, scaling }: RotaryFrequencies, rowTokens: number): number[] {
  const of = (base: number): number[] =>
    Array.from({ length: dim / 2 }, (_, i) => Math.fround(1 / Math.fround(base ** Math.fround((2 * i) / dim))));
  switch (scaling?.kind) {
    case undefined:
      return of(theta);
    case 'linear':
      return of(theta).map((frequency) => frequency / scaling.factor);
    case 'dynamic': {
      const { factor, originalPositions: original } = scaling;
      const stretch = (factor * Math.max(rowTokens, original)) / original - (factor - 1);
      return of(theta * stretch ** (dim / (dim - 2)));
    }
    case 'llama3':
      return of(theta).map((frequency) => llama3(frequency, scaling));
    case 'yarn':
      return yarn(of(theta), theta, scaling);
    case 'longrope': {
      const divisors = rowTokens > scaling.originalPositions ? scaling.longFactors : scaling.shortFactors;
      return of(theta).map((frequency, i) => frequency / divisors[i]!);
    }
  }
}

type Scaling<Kind extends RopeScaling['kind']> = Extract<RopeScaling, { kind: Kind }>;

/** Long wavelengths are stretched, short ones kept, in between a blend. */
function llama3(frequency: number, scaling: Scaling<'llama3'>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions: original } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const share = (original / wavelength - low) / (high - low);
  return ((1 - share) * frequency) / factor + share * frequency;
}

/** The same by index: a straight line between the dimensions that turn `betaFast` and `betaSlow` times in the original context. */
function yarn(frequencies: readonly number[], theta: number, scaling: Scaling<'yarn'>): number[] {
  const dim = 2 * frequencies.length;
  const dimensionOf = (turns: number) =>
    (dim * Math.log(scaling.originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [dimensionOf(scaling.betaFast), dimensionOf(scaling.betaSlow)];
  const low = Math.max(scaling.truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(scaling.truncate ? Math.ceil(slow) : slow, dim - 1);
  // transformers' guard against a line of no length.
  const length = high === low ? 0.001 : high - low;
  return frequencies.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - low) / length, 0), 1);
    return (frequency / scaling.factor) * stretched + frequency * (1 - stretched);
  });
}
