import { decodeAddress } from '@polkadot/util-crypto';
import { BadInputError } from '@tuning/kit';
import { ScaleReader, ScaleWriter } from '../../scale/bytes.ts';
import type { ChainNode } from '../node.ts';
import { invalidParams, RpcError } from '../rpc-error.ts';
import type { RpcMethod, RpcMethods } from '../rpc-server.ts';
import { blockParam, bytesParam } from './params.ts';

export interface SystemFacts {
  chain: string;
  name: string;
  version: string;
  properties: { ss58Format: number; tokenDecimals: number; tokenSymbol: string };
}

function addressParam(value: unknown): Uint8Array {
  try {
    return decodeAddress(String(value));
  } catch {
    throw invalidParams('an account address is expected');
  }
}

export function systemMethods(node: ChainNode, facts: SystemFacts): RpcMethods {
  const runtimeCall = (method: string, args: Uint8Array, at?: unknown): ScaleReader => {
    const block = blockParam(node, at);
    const result = node.runtimeAt(block).call(node.store.view(block), method, args);
    if (result === undefined) throw new RpcError(-32601, `This runtime has no ${method}`);
    return new ScaleReader(result);
  };
  /**
   * The account's nonce in the best block, plus what it has ready in the pool (substrate-frame-rpc-system). That a nonce
   * shows as the tag `account:nonce` is the one convention that node and runtime share.
   */
  const nextIndex: RpcMethod = ([address]) => {
    const account = addressParam(address);
    const who = `0x${Buffer.from(account).toString('hex')}`;
    let nonce = Number(runtimeCall('AccountNonceApi_account_nonce', account).uint(4));
    while (node.pool.provides(`${who}:${nonce}`)) nonce++;
    return nonce;
  };
  const queryInfo: RpcMethod = ([extrinsic, at]) => {
    const bytes = bytesParam(extrinsic, 'extrinsic');
    const args = new ScaleWriter().raw(bytes).uint(bytes.length, 4).finish();
    try {
      const info = runtimeCall('TransactionPaymentApi_query_info', args, at);
      const weight = { refTime: Number(info.compact()), proofSize: Number(info.compact()) };
      const cls = ['normal', 'operational', 'mandatory'][info.u8()];
      return { weight, class: cls, partialFee: info.uint(8).toString() };
    } catch (error) {
      if (error instanceof BadInputError) throw invalidParams(error.message);
      throw error;
    }
  };
  return {
    system_chain: () => facts.chain,
    system_name: () => facts.name,
    system_version: () => facts.version,
    system_chainType: () => 'Local',
    system_properties: () => facts.properties,
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_peers: () => [],
    system_nodeRoles: () => ['Authority'],
    system_syncState: () => {
      const currentBlock = node.store.best.header.number;
      return { startingBlock: 0, currentBlock, highestBlock: currentBlock };
    },
    system_accountNextIndex: nextIndex,
    account_nextIndex: nextIndex,
    payment_queryInfo: queryInfo,
  };
}
