import { sha256Hex } from '@tuning/protocol';
import { RULES } from './rules.ts';

/** A hotkey that may be drawn. */
export interface Eligible {
  readonly uid: number;
  readonly hotkey: string;
  /** Relative chance, 0 or more; 0 is never drawn. Counted in steps of 1e-6. */
  readonly weight: number;
}

/** Bits of u, and fractional bits of its logarithm. */
const BITS = 64n;

/**
 * -log2((x) / 2^64) for x in 1..2^64, as a fixed-point integer with 64 fractional bits. Integer arithmetic only: the
 * bits of the mantissa's logarithm come from squaring it 64 times (128-bit precision, truncated).
 */
export function negativeLog2(x: bigint): bigint {
  const exponent = BigInt(x.toString(2).length - 1);
  let mantissa = (x << 127n) >> exponent;
  let fraction = 0n;
  for (let bit = 0n; bit < BITS; bit += 1n) {
    mantissa = (mantissa * mantissa) >> 127n;
    fraction <<= 1n;
    if (mantissa >> 128n) {
      mantissa >>= 1n;
      fraction |= 1n;
    }
  }
  return (BITS << BITS) - ((exponent << BITS) | fraction);
}

/**
 * Weighted order without replacement (Efraimidis and Spirakis 2006): each hotkey gets the key -log2(u) / weight with u
 * from sha256(`tuning/draw/1\0<blockHash>\0<taskId>\0<hotkey>`), smallest first. Anyone can replay it, and a hotkey that
 * joins or leaves does not change the order of the others.
 * @param args.blockHash hash of a finalised block after the seal, as text ('0x…').
 * @returns hotkeys in drawn order, those with weight 0 left out.
 * @throws RangeError for a weight that is negative, not finite or above 1e9, and for a hotkey listed twice.
 */
export function drawOrder(args: {
  readonly eligible: readonly Eligible[];
  readonly blockHash: string;
  readonly taskId: string;
}): string[] {
  const seen = new Set<string>();
  const drawn: { uid: number; hotkey: string; weight: bigint; key: bigint }[] = [];
  for (const { uid, hotkey, weight } of args.eligible) {
    if (!(weight >= 0 && weight <= 1e9)) throw new RangeError(`draw weight ${weight} of ${hotkey} is not in 0..1e9`);
    if (seen.has(hotkey)) throw new RangeError(`${hotkey} is listed twice among the eligible`);
    seen.add(hotkey);
    const units = BigInt(Math.floor(weight * RULES.drawWeightUnits + 0.5));
    if (units === 0n) continue;
    const digest = sha256Hex(`tuning/draw/1\0${args.blockHash}\0${args.taskId}\0${hotkey}`);
    const u = BigInt(`0x${digest.slice(0, 16)}`) + 1n;
    drawn.push({ uid, hotkey, weight: units, key: negativeLog2(u) });
  }
  return drawn
    .sort((a, b) => {
      const left = a.key * b.weight;
      const right = b.key * a.weight;
      return left < right ? -1 : left > right ? 1 : a.uid - b.uid;
    })
    .map(({ hotkey }) => hotkey);
}

/**
 * Draw weight from a hotkey's scores in the window (those of `scoreTask`, 0..1): newcomers weigh 1, others
 * `max(0.2, mean score)`, so results steer tasks towards good miners without shutting anyone out.
 */
export function drawWeight(scores: readonly number[]): number {
  if (scores.length === 0) return RULES.newcomerDrawWeight;
  const counted = scores.map((score) => (Number.isFinite(score) && score > 0 ? Math.min(1, score) : 0));
  // Sorted, so that the sum does not depend on the order in which results were stored.
  const sum = counted.sort((a, b) => a - b).reduce((total, score) => total + score, 0);
  return Math.max(RULES.minDrawWeight, sum / counted.length);
}
