import { type Code, unsigned } from './encode.ts';

/** The instructions that our kernels use. Operands come before them, as the stack machine wants it. */
const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
/** Alignment (a hint) and offset of a memory access. */
const at = (opcode: number, align: number, offset: number): Code => [...simd(opcode), align, ...unsigned(offset)];

export const local = {
  get: (index: number): Code => [0x20, ...unsigned(index)],
  set: (index: number): Code => [0x21, ...unsigned(index)],
  tee: (index: number): Code => [0x22, ...unsigned(index)],
};

export const i32 = {
  /** 0 ≤ value < 64 */
  const: (value: number): Code => [0x41, value],
  add: [0x6a] as Code,
  lessThan: [0x49] as Code,
};

export const f64Add: Code = [0xa0];

export const v128 = {
  load: (offset: number): Code => at(0x00, 4, offset),
  /** The lower half; the upper one is 0. */
  loadLow: (offset: number): Code => at(0x5d, 3, offset),
  store: (offset: number): Code => at(0x0b, 4, offset),
};

export const f32x4 = {
  splat: simd(0x13),
  sqrt: simd(0xe3),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  div: simd(0xe7),
};

export const f64x2 = {
  extract: (lane: 0 | 1): Code => [...simd(0x21), lane],
  add: simd(0xf0),
  mul: simd(0xf2),
  /** The two lower float32 lanes as float64. */
  promoteLow: simd(0x5f),
};

/** Runs `body`, which leaves a condition on the stack, until it is 0. */
export const repeatWhile = (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0x00, 0x0b];
