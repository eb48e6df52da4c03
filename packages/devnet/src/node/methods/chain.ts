import { toHex } from '../../scale/bytes.ts';
import type { Emitter } from '../emitter.ts';
import { type Block, headerJson } from '../header.ts';
import type { ChainNode } from '../node.ts';
import { invalidParams } from '../rpc-error.ts';
import type { RpcMethod, RpcMethods } from '../rpc-server.ts';
import { hexParam } from './params.ts';

function find(node: ChainNode, value: unknown): Block | undefined {
  if (value === null || value === undefined) return node.store.best;
  return node.store.byHash(hexParam(value, 'block hash'));
}

function numberParam(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw invalidParams('block number must be a non-negative integer');
  }
  return number;
}

function heads(name: string, source: Emitter<Block>, current: () => Block): RpcMethod {
  return (_params, connection) =>
    connection.subscribe(name, (notify) => {
      notify(headerJson(current().header));
      return source.on((block) => notify(headerJson(block.header)));
    });
}

const unsubscribe: RpcMethod = ([id], connection) => connection.unsubscribe(String(id));

export function chainMethods(node: ChainNode): RpcMethods {
  const hashOf = (value: unknown): string | null => node.store.byNumber(numberParam(value))?.hash ?? null;
  const blockHash: RpcMethod = ([which]) => {
    if (which === null || which === undefined) return node.store.best.hash;
    return Array.isArray(which) ? which.map(hashOf) : hashOf(which);
  };
  const header: RpcMethod = ([hash]) => {
    const block = find(node, hash);
    return block ? headerJson(block.header) : null;
  };
  const newHeads = heads('chain_newHead', node.newBlock, () => node.store.best);
  const finalisedHeads = heads('chain_finalizedHead', node.finalisedBlock, () => node.store.finalised);
  return {
    chain_getBlockHash: blockHash,
    chain_getHead: blockHash,
    chain_getHeader: header,
    chain_getFinalizedHead: () => node.store.finalised.hash,
    chain_getFinalisedHead: () => node.store.finalised.hash,
    chain_getBlock: ([hash]) => {
      const block = find(node, hash);
      if (!block) return null;
      const extrinsics = block.extrinsics.map(toHex);
      return { block: { header: headerJson(block.header), extrinsics }, justifications: null };
    },
    chain_subscribeNewHeads: newHeads,
    chain_subscribeNewHead: newHeads,
    subscribe_newHead: newHeads,
    chain_unsubscribeNewHeads: unsubscribe,
    chain_unsubscribeNewHead: unsubscribe,
    unsubscribe_newHead: unsubscribe,
    chain_subscribeAllHeads: heads('chain_allHead', node.newBlock, () => node.store.best),
    chain_unsubscribeAllHeads: unsubscribe,
    chain_subscribeFinalizedHeads: finalisedHeads,
    chain_subscribeFinalisedHeads: finalisedHeads,
    chain_unsubscribeFinalizedHeads: unsubscribe,
    chain_unsubscribeFinalisedHeads: unsubscribe,
  };
}
