/**
 * The fixed-point numbers of Rust's substrate_fixed, as the integer that holds their bits: I32F32 and U96F32 are that
 * integer / 2^32. Products and quotients are cut, not rounded, as there; epochs depend on it to the last bit.
 */
export type Fixed = bigint;

const FRACTION = 32n;
export const ONE: Fixed = 1n << FRACTION;
const HALF = ONE >> 1n;
const I32F32_MAX = (1n << 63n) - 1n;
const I32F32_MIN = -(1n << 63n);

function saturate(value: bigint): Fixed {
  if (value > I32F32_MAX) return I32F32_MAX;
  return value < I32F32_MIN ? I32F32_MIN : value;
}

/** An integer as I32F32; larger ones than it holds become its largest. */
export function fixed(integer: number | bigint): Fixed {
  return saturate(BigInt(integer) << FRACTION);
}

/** I32F32 saturating_mul. */
export function mul(a: Fixed, b: Fixed): Fixed {
  return saturate((a * b) >> FRACTION);
}

/** I32F32 safe_div: 0 for what cannot be divided or does not fit. */
export function div(a: Fixed, b: Fixed): Fixed {
  if (b === 0n) return 0n;
  const quotient = (a << FRACTION) / b;
  return quotient > I32F32_MAX || quotient < I32F32_MIN ? 0n : quotient;
}

export function add(a: Fixed, b: Fixed): Fixed {
  return saturate(a + b);
}

export function sub(a: Fixed, b: Fixed): Fixed {
  return saturate(a - b);
}

export function sum(values: readonly Fixed[]): Fixed {
  return values.reduce((total, value) => total + value, 0n);
}

/** Divided by their sum; unchanged when that is 0. */
export function normalise(values: readonly Fixed[], total: Fixed = sum(values)): Fixed[] {
  return total === 0n ? [...values] : values.map((value) => div(value, total));
}

/** The integer part of a number that is not negative. */
export function floor(value: Fixed): bigint {
  return value < 0n ? 0n : value >> FRACTION;
}

/** A number that is not negative to the nearest integer, halves up. */
export function round(value: Fixed): bigint {
  return (value + HALF) >> FRACTION;
}

const U16_MAX = fixed(65_535);

/** A stored u16 as a share of 65535. */
export function shareOfU16(value: number): Fixed {
  return div(fixed(value), U16_MAX);
}

/** A share as the u16 that is stored: floor(share * 65535), at most 65535. */
export function u16OfShare(share: Fixed): number {
  return Math.min(65_535, Number(floor(mul(share, U16_MAX))));
}

/** U96F32, for amounts: wide enough that nothing here saturates. */
export const wide = {
  of: (integer: bigint): Fixed => integer << FRACTION,
  mul: (a: Fixed, b: Fixed): Fixed => (a * b) >> FRACTION,
  /** 0 where the divisor is. */
  div: (a: Fixed, b: Fixed): Fixed => (b === 0n ? 0n : (a << FRACTION) / b),
  sub: (a: Fixed, b: Fixed): Fixed => (a > b ? a - b : 0n),
} as const;
