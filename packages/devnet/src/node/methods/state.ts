import { blake2AsU8a } from '@polkadot/util-crypto';
import { decodeVersion } from '../../runtime/wasm/version-codec.ts';
import { ScaleReader, toHex } from '../../scale/bytes.ts';
import type { Block } from '../header.ts';
import type { ChainNode } from '../node.ts';
import { invalidParams, RpcError } from '../rpc-error.ts';
import type { RpcMethod, RpcMethods } from '../rpc-server.ts';
import { blockParam, bytesParam, hexListParam, hexParam } from './params.ts';

const MAX_PAGE = 1000;
const NOTHING = new Uint8Array();

function versionJson(node: ChainNode, at?: Block): unknown {
  const runtime = at ? node.runtimeAt(at) : node.runtime;
  // The code of an older block may be another one, whoever runs it.
  const old = at && at !== node.store.best ? runtime.call(node.store.view(at), 'Core_version', NOTHING) : undefined;
  const { apis, ...version } = old ? decodeVersion(old) : runtime.version;
  return { ...version, systemVersion: version.stateVersion, apis };
}

const unsubscribe: RpcMethod = ([id], connection) => connection.unsubscribe(String(id));

export function stateMethods(node: ChainNode): RpcMethods {
  const { state } = node.store;
  const read = (key: string, block: Block): string | null => {
    const value = state.read(key, block.header.number);
    return value === undefined ? null : toHex(value);
  };
  const getStorage: RpcMethod = ([key, at]) => read(hexParam(key, 'key'), blockParam(node, at));
  const keysPaged: RpcMethod = ([prefix, count, start, at]) => {
    if (typeof count !== 'number' || count > MAX_PAGE) throw invalidParams(`count must be a number up to ${MAX_PAGE}`);
    const after = start === null || start === undefined ? undefined : hexParam(start, 'start key');
    const from = prefix === null || prefix === undefined ? '0x' : hexParam(prefix, 'prefix');
    return state.keys(from, blockParam(node, at).header.number, after, count);
  };
  const queryStorageAt: RpcMethod = ([keys, at]) => {
    const block = blockParam(node, at);
    return [{ block: block.hash, changes: hexListParam(keys, 'keys').map((key) => [key, read(key, block)]) }];
  };
  const call: RpcMethod = ([method, data, at]) => {
    if (typeof method !== 'string') throw invalidParams('method must be a string');
    const block = blockParam(node, at);
    const result = node.runtimeAt(block).call(node.store.view(block), method, bytesParam(data, 'data'));
    if (result === undefined) {
      throw new RpcError(4003, `Client error: Execution failed: Exported method ${method} is not found`);
    }
    return toHex(result);
  };
  const runtimeVersion: RpcMethod = ([at]) => versionJson(node, blockParam(node, at));
  const subscribeVersion: RpcMethod = (_params, connection) =>
    connection.subscribe('state_runtimeVersion', (notify) => {
      let told = node.runtime.version;
      notify(versionJson(node));
      return node.newBlock.on(() => {
        if (node.runtime.version === told) return;
        told = node.runtime.version;
        notify(versionJson(node));
      });
    });
  return {
    state_getStorage: getStorage,
    state_getStorageAt: getStorage,
    state_getStorageHash: ([key, at]) => {
      const value = state.read(hexParam(key, 'key'), blockParam(node, at).header.number);
      return value === undefined ? null : toHex(blake2AsU8a(value, 256));
    },
    state_getStorageSize: ([key, at]) =>
      state.read(hexParam(key, 'key'), blockParam(node, at).header.number)?.length ?? null,
    state_getKeys: ([prefix, at]) => state.keys(hexParam(prefix ?? '0x', 'prefix'), blockParam(node, at).header.number),
    state_getPairs: ([prefix, at]) => {
      const block = blockParam(node, at);
      const keys = state.keys(hexParam(prefix ?? '0x', 'prefix'), block.header.number);
      return keys.map((key) => [key, read(key, block)]);
    },
    state_getKeysPaged: keysPaged,
    state_getKeysPagedAt: keysPaged,
    state_queryStorageAt: queryStorageAt,
    state_call: call,
    state_callAt: call,
    state_getMetadata: ([at]) => {
      const block = blockParam(node, at);
      if (block === node.store.best) return toHex(node.runtime.metadata(14) ?? NOTHING);
      const metadata = node.runtimeAt(block).call(node.store.view(block), 'Metadata_metadata', NOTHING);
      return toHex(metadata ? new ScaleReader(metadata).bytes() : NOTHING);
    },
    state_getRuntimeVersion: runtimeVersion,
    chain_getRuntimeVersion: runtimeVersion,
    state_subscribeRuntimeVersion: subscribeVersion,
    chain_subscribeRuntimeVersion: subscribeVersion,
    state_unsubscribeRuntimeVersion: unsubscribe,
    chain_unsubscribeRuntimeVersion: unsubscribe,
    state_subscribeStorage: ([list], connection) => {
      const keys = hexListParam(list ?? [], 'keys');
      return connection.subscribe('state_storage', (notify) => {
        const last = new Map<string, string | null>();
        const send = (block: Block, all: boolean) => {
          const changes = keys
            .map((key) => [key, read(key, block)] as const)
            .filter(([key, value]) => all || last.get(key) !== value);
          for (const [key, value] of changes) last.set(key, value);
          if (all || changes.length > 0) notify({ block: block.hash, changes });
        };
        send(node.store.best, true);
        return node.newBlock.on((block) => send(block, false));
      });
    },
    state_unsubscribeStorage: unsubscribe,
  };
}
