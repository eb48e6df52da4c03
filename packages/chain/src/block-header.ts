import { blake2AsHex } from '@polkadot/util-crypto';
import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import { bigUint, blockHash, parseValue } from './chain-values.ts';
import { compact } from './scale-bytes.ts';

/** sp_runtime::generic::Header as `chain_getHeader` and the subscriptions give it; digest items are SCALE bytes. */
const headerSchema = z.looseObject({
  number: bigUint.refine((value) => value < 1n << 30n, 'too large').transform(Number),
  parentHash: blockHash,
  stateRoot: blockHash,
  extrinsicsRoot: blockHash,
  digest: z.looseObject({ logs: z.array(z.string().regex(/^0x([0-9a-f]{2})*$/i)).max(64) }),
});

export interface BlockHeader extends BlockRef {
  readonly parentHash: string;
}

/**
 * A header as the node sends it, with its hash: BLAKE2-256 of its SCALE bytes, computed here, as no node's word counts.
 * @throws BadInputError `CHAIN_UNEXPECTED_VALUE`.
 */
export function headerOf(header: unknown): BlockHeader {
  const { number, parentHash, stateRoot, extrinsicsRoot, digest } = parseValue(headerSchema, header, 'block header');
  const bytes = Buffer.concat([
    fromHex(parentHash),
    compact(number),
    fromHex(stateRoot),
    fromHex(extrinsicsRoot),
    compact(digest.logs.length),
    ...digest.logs.map(fromHex),
  ]);
  return { number, parentHash, hash: blake2AsHex(bytes, 256) };
}

function fromHex(hex: string): Buffer {
  return Buffer.from(hex.slice(2), 'hex');
}
