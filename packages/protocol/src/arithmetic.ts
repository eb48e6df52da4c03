import { z } from 'zod';

/** Where a model is measured: the CPU, or an NVIDIA GPU. */
export const DEVICES = ['cpu', 'cuda'] as const;
export type Device = (typeof DEVICES)[number];

/** What matrix products and attention are computed in. */
export const PRECISIONS = ['float32', 'float16'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What losses were computed by. Losses of different arithmetic are not to be compared: they differ more than good models do. */
export const arithmeticSchema = z.strictObject({
  device: z.enum(DEVICES),
  precision: z.enum(PRECISIONS),
  /** Rows that float16 could not hold, and that were measured on the CPU in float32 instead. */
  rowsInFloat32: z.number().int().min(0),
});
export type Arithmetic = z.infer<typeof arithmeticSchema>;
