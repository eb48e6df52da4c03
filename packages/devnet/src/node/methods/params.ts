import { fromHex } from '../../scale/bytes.ts';
import type { Block } from '../header.ts';
import type { ChainNode } from '../node.ts';
import { invalidParams, RpcError } from '../rpc-error.ts';

/** The prefix may be missing, as impl_serde reads hex: the Python SDK sends arguments of runtime calls without. */
export function hexParam(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^(?:0x)?[0-9a-fA-F]*$/.test(value)) {
    throw invalidParams(`${name} must be a hexadecimal string`);
  }
  return `0x${value.replace(/^0x/, '').toLowerCase()}`;
}

export function bytesParam(value: unknown, name: string): Uint8Array {
  return fromHex(hexParam(value, name));
}

/** null or undefined: the best block. Error 4003 as sc-rpc gives it for a block that is unknown or pruned. */
export function blockParam(node: ChainNode, value: unknown): Block {
  if (value === null || value === undefined) return node.store.best;
  const hash = hexParam(value, 'block hash');
  const block = node.store.byHash(hash);
  if (!block || block.header.number < node.store.state.oldest) {
    throw new RpcError(4003, `Client error: UnknownBlock: State already discarded for ${hash}`);
  }
  return block;
}

export function hexListParam(value: unknown, name: string): string[] {
  if (!Array.isArray(value)) throw invalidParams(`${name} must be an array`);
  return value.map((one) => hexParam(one, name));
}
