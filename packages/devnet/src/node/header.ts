import { blake2AsU8a } from '@polkadot/util-crypto';
import { fromHex, ScaleWriter, toHex } from '../scale/bytes.ts';

export interface Header {
  parentHash: string;
  number: number;
  stateRoot: string;
  extrinsicsRoot: string;
  /** SCALE-encoded digest items ('0x…'), such as a block author's slot. */
  logs: readonly string[];
}

export interface Block {
  hash: string;
  header: Header;
  extrinsics: readonly Uint8Array[];
}

/** sp_runtime::generic::Header. Clients hash it themselves, so the bytes must be exact. */
export function encodeHeader(header: Header): Uint8Array {
  const writer = new ScaleWriter()
    .raw(fromHex(header.parentHash))
    .compact(header.number)
    .raw(fromHex(header.stateRoot))
    .raw(fromHex(header.extrinsicsRoot))
    .compact(header.logs.length);
  for (const log of header.logs) writer.raw(fromHex(log));
  return writer.finish();
}

export function hashHeader(header: Header): string {
  return toHex(blake2AsU8a(encodeHeader(header), 256));
}

/** A stand-in for the trie root over the extrinsics. */
export function extrinsicsRoot(extrinsics: readonly Uint8Array[]): string {
  const writer = new ScaleWriter().compact(extrinsics.length);
  for (const extrinsic of extrinsics) writer.bytes(extrinsic);
  return toHex(blake2AsU8a(writer.finish(), 256));
}

export function extrinsicHash(extrinsic: Uint8Array): string {
  return toHex(blake2AsU8a(extrinsic, 256));
}

export interface HeaderJson {
  parentHash: string;
  number: string;
  stateRoot: string;
  extrinsicsRoot: string;
  digest: { logs: string[] };
}

export function headerJson(header: Header): HeaderJson {
  return {
    parentHash: header.parentHash,
    number: `0x${header.number.toString(16)}`,
    stateRoot: header.stateRoot,
    extrinsicsRoot: header.extrinsicsRoot,
    digest: { logs: [...header.logs] },
  };
}
