import { BadInputError } from '@tuning/kit';
import { z } from 'zod';

/**
 * Shapes of what polkadot.js' `toJSON()` gives: integers above 52 bits come as big-endian hex, byte strings as hex,
 * accounts as SS58, an absent Option as null.
 */
export const bigUint = z
  .union([z.number().int().nonnegative(), z.string().regex(/^0x[0-9a-f]+$/i), z.string().regex(/^\d+$/)])
  .transform((value) => BigInt(value));

export const uint = bigUint.refine((value) => value <= BigInt(Number.MAX_SAFE_INTEGER), 'too large').transform(Number);

export const account = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{46,50}$/, 'not an SS58 address');

export const hexBytes = z
  .string()
  .regex(/^0x([0-9a-f]{2})*$/i, 'not hex bytes')
  .transform((hex) => Uint8Array.from(Buffer.from(hex.slice(2), 'hex')));

export const blockHash = z.string().regex(/^0x[0-9a-f]{64}$/, 'not a block hash');

/** @throws BadInputError `CHAIN_UNEXPECTED_VALUE` naming `what` and the first thing wrong. */
export function parseValue<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new BadInputError(
    'CHAIN_UNEXPECTED_VALUE',
    `the chain's ${what} does not have the shape this version knows (${issue?.path.join('.') || 'value'}: ${issue?.message}): update this program`,
  );
}
