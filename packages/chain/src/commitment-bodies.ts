import { z } from 'zod';
import { headerOf } from './block-header.ts';
import type { BlockRef } from './block-ref.ts';
import { parseValue } from './chain-values.ts';
import { type CommitmentCall, commitmentCalls } from './commitment-extrinsics.ts';
import type { Connection } from './connection.ts';
import { endpointFault } from './endpoint-fault.ts';

const blockSchema = z.looseObject({ block: z.looseObject({ header: z.unknown(), extrinsics: z.array(z.string()) }) });

/**
 * The commitments to a subnet that a block's body asks for; undefined when the endpoint has no body of it. Calls are read
 * with the newest metadata: that of a pruned block is gone with its state, and numbers of calls stay over upgrades.
 * @throws what reads throw.
 */
export function commitmentCallsOf(
  connection: Connection,
  netuid: number,
  { number, hash }: BlockRef,
): Promise<CommitmentCall[] | undefined> {
  return connection.run(`the body of block ${number}`, async ({ socket, api }) => {
    const answer = await socket.request('chain_getBlock', [hash]);
    if (answer === null) return undefined;
    const { header, extrinsics } = parseValue(blockSchema, answer, 'block').block;
    if (headerOf(header).hash !== hash) {
      throw endpointFault('CHAIN_HASH_MISMATCH', `${socket.endpoint} gives another block for ${hash}`);
    }
    return extrinsics.flatMap((extrinsic) => commitmentCalls(api, netuid, extrinsic));
  });
}
