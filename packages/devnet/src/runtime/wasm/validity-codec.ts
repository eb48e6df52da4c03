import { ScaleReader, toHex } from '../../scale/bytes.ts';
import type { ApplyResult, InvalidTransaction, Validity } from '../runtime.ts';

/** sp_runtime::transaction_validity::InvalidTransaction, by index. */
const INVALID: readonly InvalidTransaction['name'][] = [
  'Call',
  'Payment',
  'Future',
  'Stale',
  'BadProof',
  'AncientBirthBlock',
  'ExhaustsResources',
  'Custom',
  'BadMandatory',
  'MandatoryValidation',
  'BadSigner',
  'IndeterminateImplicit',
  'UnknownOrigin',
];
const OK = 0;
const NONCE_TAG_BYTES = 36;

/** TransactionValidity as TaggedTransactionQueue_validate_transaction returns it. */
export function decodeValidity(bytes: Uint8Array): Validity {
  const reader = new ScaleReader(bytes);
  if (reader.u8() !== OK) return { ok: false, invalid: decodeError(reader) };
  const priority = reader.uint(8);
  const requires = tags(reader);
  const provides = tags(reader);
  const longevity = Number(reader.uint(8));
  return { ok: true, valid: { priority, requires, provides, longevity } };
}

/** ApplyExtrinsicResult: included whether or not the dispatch succeeded, which the events tell. */
export function decodeApplyResult(bytes: Uint8Array): ApplyResult {
  const reader = new ScaleReader(bytes);
  return reader.u8() === OK ? { included: true } : { included: false, invalid: decodeError(reader) };
}

/** TransactionValidityError. What the runtime cannot judge (an unsigned call that nobody validates) is no call for us. */
function decodeError(reader: ScaleReader): InvalidTransaction {
  const unknown = reader.u8() !== 0;
  const name = INVALID[reader.u8()];
  if (unknown || name === undefined) return { name: 'Call' };
  return name === 'Custom' ? { name, custom: reader.u8() } : { name };
}

function tags(reader: ScaleReader): string[] {
  return Array.from({ length: reader.length() }, () => tagName(reader.bytes()));
}

/** CheckNonce's tag is (account, nonce): the node wants it as `account:nonce`. Others stay bytes. */
function tagName(tag: Uint8Array): string {
  if (tag.length !== NONCE_TAG_BYTES) return toHex(tag);
  return `${toHex(tag.slice(0, 32))}:${Buffer.from(tag).readUInt32LE(32)}`;
}
