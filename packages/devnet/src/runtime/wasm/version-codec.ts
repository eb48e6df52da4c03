import { ScaleReader, toHex } from '../../scale/bytes.ts';
import type { RuntimeVersion } from '../runtime.ts';

/** sp_version::RuntimeVersion as Core_version returns it. BadInputError SCALE_INVALID. */
export function decodeVersion(bytes: Uint8Array): RuntimeVersion {
  const reader = new ScaleReader(bytes);
  const text = () => Buffer.from(reader.bytes()).toString('utf8');
  const u32 = () => Number(reader.uint(4));
  return {
    specName: text(),
    implName: text(),
    authoringVersion: u32(),
    specVersion: u32(),
    implVersion: u32(),
    apis: Array.from({ length: reader.length() }, () => [toHex(reader.raw(8)), u32()] as const),
    transactionVersion: u32(),
    stateVersion: reader.u8(),
  };
}
