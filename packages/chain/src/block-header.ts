import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import { bigUint, blockHash, parseValue } from './chain-values.ts';
import type { Session } from './session.ts';

const headerSchema = z.looseObject({ number: bigUint, parentHash: blockHash });

/** The block of a header as the node sends it; the hash is computed, as the node sends none. */
export function blockOfHeader(session: Session, header: unknown): BlockRef {
  const { number } = parseValue(headerSchema, header, 'block header');
  return { number: Number(number), hash: session.api.registry.createType('Header', header).hash.toHex() };
}
