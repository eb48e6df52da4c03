import { blake2AsU8a } from '@polkadot/util-crypto';
import { BadInputError } from '@tuning/kit';
import { fromHex, ScaleReader, ScaleWriter } from '../../scale/bytes.ts';
import type { Variant } from '../../scale/codec.ts';
import { SignatureChecker } from '../../signatures.ts';
import { runtimeCodecs } from './runtime-types.ts';
import type { Era } from './scale-types.ts';

export interface SignedPart {
  who: string;
  signature: Variant<string, Uint8Array>;
  era: Era;
  nonce: number;
  tip: bigint;
  /** Whether a hash of the metadata was signed along. */
  hashChecked: boolean;
  /** Era, nonce, tip and metadata-hash mode as they stand in the extrinsic and in the signed payload. */
  extra: Uint8Array;
}

export interface Extrinsic {
  /** undefined: an inherent. */
  signed: SignedPart | undefined;
  call: Variant<string, Variant<string, Record<string, unknown>>>;
  callBytes: Uint8Array;
  /** Whole length in bytes, prefix included. */
  length: number;
}

const BARE = 0x04;
const BARE_V5 = 0x05;
const SIGNED = 0x84;
const signatures = new SignatureChecker();

/** Decodes an extrinsic of version 4 (or a bare one of 5); throws BadInputError SCALE_INVALID on anything else. */
export function decodeExtrinsic(bytes: Uint8Array): Extrinsic {
  const outer = new ScaleReader(bytes);
  const body = outer.bytes();
  if (outer.remaining > 0) throw new BadInputError('SCALE_INVALID', 'bytes are left after the extrinsic');
  const reader = new ScaleReader(body);
  const version = reader.u8();
  if (version !== SIGNED && version !== BARE && version !== BARE_V5) {
    throw new BadInputError('SCALE_INVALID', `extrinsic version byte 0x${version.toString(16)} is not supported`);
  }
  const signed = version === SIGNED ? readSigned(reader, body) : undefined;
  const start = reader.offset;
  const call = runtimeCodecs.codec('RuntimeCall').decodeFrom(reader) as Extrinsic['call'];
  if (reader.remaining > 0) throw new BadInputError('SCALE_INVALID', 'bytes are left after the call');
  return { signed, call, callBytes: body.slice(start), length: bytes.length };
}

function readSigned(reader: ScaleReader, body: Uint8Array): SignedPart {
  const address = runtimeCodecs.codec('MultiAddress').decodeFrom(reader) as Variant;
  if (address.kind !== 'Id') throw new BadInputError('SCALE_INVALID', 'the signer must be given as an account id');
  const signature = runtimeCodecs.codec('MultiSignature').decodeFrom(reader) as Variant<string, Uint8Array>;
  const start = reader.offset;
  const era = runtimeCodecs.codec('Era').decodeFrom(reader) as Era;
  const nonce = Number(reader.compact());
  const tip = reader.compact();
  const mode = reader.u8();
  if (mode > 1) throw new BadInputError('SCALE_INVALID', `a metadata hash mode is 0 or 1, not ${mode}`);
  const hashChecked = mode === 1;
  return {
    who: address.value as string,
    signature,
    era,
    nonce,
    tip,
    hashChecked,
    extra: body.slice(start, reader.offset),
  };
}

/** An unsigned extrinsic (inherent) with the given call. */
export function bareExtrinsic(call: Variant): Uint8Array {
  const body = new ScaleWriter().u8(BARE).raw(runtimeCodecs.encode('RuntimeCall', call)).finish();
  return new ScaleWriter().bytes(body).finish();
}

/** The block in which a mortal era began, seen from `current`. */
export function eraBirth(era: Era & { mortal: true }, current: number): number {
  return Math.floor((Math.max(current, era.phase) - era.phase) / era.period) * era.period + era.phase;
}

export interface PayloadContext {
  specVersion: number;
  transactionVersion: number;
  genesisHash: string;
  /** Hash of the era's birth block; the genesis hash for an immortal one. */
  checkpointHash: string;
}

/** Whether the signature is the signer's over call ‖ extra ‖ implicit data (blake2_256 of it when over 256 bytes). */
export function signatureValid(extrinsic: Extrinsic, context: PayloadContext): boolean {
  const { signed, callBytes } = extrinsic;
  if (!signed) return false;
  const payload = new ScaleWriter()
    .raw(callBytes)
    .raw(signed.extra)
    .uint(context.specVersion, 4)
    .uint(context.transactionVersion, 4)
    .raw(fromHex(context.genesisHash))
    .raw(fromHex(context.checkpointHash))
    // CheckMetadataHash: None.
    .u8(0)
    .finish();
  const message = payload.length > 256 ? blake2AsU8a(payload, 256) : payload;
  const { kind, value } = signed.signature;
  const scheme = kind === 'Sr25519' ? 'sr25519' : kind === 'Ed25519' ? 'ed25519' : undefined;
  return scheme !== undefined && signatures.holds(scheme, message, value, fromHex(signed.who));
}
