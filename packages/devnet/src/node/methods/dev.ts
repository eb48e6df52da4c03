import { fromHex } from '../../scale/bytes.ts';
import type { ChainNode } from '../node.ts';
import { invalidParams } from '../rpc-error.ts';
import type { RpcMethods } from '../rpc-server.ts';
import { hexParam } from './params.ts';

const MAX_BLOCKS_AT_ONCE = 10_000;

/** Development calls under the names that chopsticks uses, so that one test can run on both. */
export function devMethods(node: ChainNode): RpcMethods {
  return {
    /** [{ count }] builds blocks now; gives the hash of the last. */
    dev_newBlock: ([options]) => {
      const count = (options as { count?: unknown } | undefined)?.count ?? 1;
      if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > MAX_BLOCKS_AT_ONCE) {
        throw invalidParams(`count must be a whole number from 1 to ${MAX_BLOCKS_AT_ONCE}`);
      }
      for (let i = 0; i < count; i++) node.produceBlock();
      return node.store.best.hash;
    },
    /** [[[key, value | null], …]] writes raw storage into the best block; gives its hash. */
    dev_setStorage: ([pairs]) => {
      if (!Array.isArray(pairs)) throw invalidParams('an array of [key, value] pairs is expected');
      const view = node.store.view(node.store.best);
      for (const pair of pairs as unknown[]) {
        if (!Array.isArray(pair)) throw invalidParams('an array of [key, value] pairs is expected');
        const key = hexParam(pair[0], 'key');
        if (pair[1] === null) view.delete(key);
        else view.set(key, fromHex(hexParam(pair[1], 'value')));
      }
      node.store.overwrite(view);
      return node.store.best.hash;
    },
  };
}
