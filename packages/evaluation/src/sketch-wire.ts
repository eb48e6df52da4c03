import type { TensorSketch } from '@tuning/llm';
import { z } from 'zod';

/** A tensor's sketch in JSON: the values are little-endian float32 in base64. */
export const tensorSketchSchema = z.strictObject({
  name: z.string().max(512),
  norm: z.number().min(0),
  values: z.base64().max(8_192),
});
export type WireSketch = z.infer<typeof tensorSketchSchema>;

export function encodeSketch(sketch: readonly TensorSketch[]): WireSketch[] {
  return sketch.map(({ name, norm, values }) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [index, value] of values.entries()) bytes.writeFloatLE(value, 4 * index);
    return { name, norm, values: bytes.toString('base64') };
  });
}

export function decodeSketch(sketch: readonly WireSketch[]): TensorSketch[] {
  return sketch.map(({ name, norm, values }) => {
    const bytes = Buffer.from(values, 'base64');
    const floats = Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) =>
      bytes.readFloatLE(4 * index),
    );
    return { name, norm, values: floats };
  });
}
