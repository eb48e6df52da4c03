import { BadInputError } from '@tuning/kit';
import { z } from 'zod';
import { uint } from './chain-values.ts';

export const MAX_FIELDS = 3;
const MIN_SPACE = 100;
/** The pallet's Raw variants are Raw0 to Raw128. */
const MAX_RAW_BYTES = 128;

/**
 * The call's argument for 1 to 3 printable ASCII texts, each as `Raw<n>` (the only form that Python tools write and read).
 * @throws BadInputError `COMMITMENT_INVALID`.
 */
export function encodeFields(fields: readonly string[]): { fields: Record<string, string>[] } {
  if (fields.length < 1 || fields.length > MAX_FIELDS) {
    throw new BadInputError('COMMITMENT_INVALID', `a commitment has 1 to ${MAX_FIELDS} fields, not ${fields.length}`);
  }
  return {
    fields: fields.map((text) => {
      if (!/^[\x20-\x7e]*$/.test(text) || text.length > MAX_RAW_BYTES) {
        throw new BadInputError(
          'COMMITMENT_INVALID',
          `a commitment field is at most ${MAX_RAW_BYTES} printable ASCII characters; this has ${text.length}, or others`,
        );
      }
      return { [`Raw${text.length}`]: `0x${Buffer.from(text, 'latin1').toString('hex')}` };
    }),
  };
}

/** A field as polkadot.js gives it: an enum with one key, e.g. `{ raw3: '0x010203' }`. */
const field = z.record(z.string(), z.unknown());

/** `Commitments.CommitmentOf`; the text of the Raw and BigRaw fields (others carry no text and are left out). */
export const registrationRow = z
  .object({ block: uint, info: z.object({ fields: z.array(field) }) })
  .transform(({ block, info }) => ({ block, fields: fieldTexts(info.fields) }));

/** The text of the fields that have one, in order. */
export function fieldTexts(fields: readonly Record<string, unknown>[]): string[] {
  return fields.flatMap((value) => {
    const [kind, content] = Object.entries(value)[0] ?? [];
    if (kind === undefined || !/^(raw\d+|bigraw)$/i.test(kind)) return [];
    const bytes = bytesOf(content);
    return bytes ? [bytes.toString('utf8')] : [];
  });
}

export function isTimelocked(value: Record<string, unknown>): boolean {
  return /^timelockEncrypted$/i.test(Object.keys(value)[0] ?? '');
}

/** What fields take of a hotkey's space (set_commitment of pallets/commitments/src/lib.rs): never less than 100. */
export function spaceOf(fields: readonly Record<string, unknown>[]): number {
  const sizes = fields.map((value) => bytesOf(Object.values(value)[0])?.length ?? 0);
  return Math.max(
    MIN_SPACE,
    sizes.reduce((sum, size) => sum + size, 0),
  );
}

function bytesOf(content: unknown): Buffer | undefined {
  if (typeof content !== 'string') return undefined;
  return content.startsWith('0x') ? Buffer.from(content.slice(2), 'hex') : Buffer.from(content, 'utf8');
}
