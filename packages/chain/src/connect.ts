import type { Chain, ConnectOptions } from './chain.ts';

export function connectChain(_options: ConnectOptions): Promise<Chain> {
  throw new Error('chain: only the signatures are here yet');
}
