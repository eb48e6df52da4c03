import type { Signer } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions } from './chain.ts';
import type { ChainState } from './chain-state.ts';
import type { IncludedTransaction, TransactionCall } from './submit.ts';

/** What the single operations need of the connected chain; unit tests give a fake. */
export interface ChainContext {
  readonly head: BlockRef;
  readonly blockTimeMs: number;
  waitForBlock(number: number, options?: { signal?: AbortSignal; ms?: number }): Promise<BlockRef>;
  /** Whether the runtime has a call (camelCase names). */
  hasCall(pallet: string, call: string): boolean;
  /** Runs reads at a block (default the finalised head), again when the connection is lost under them. */
  read<T>(
    what: string,
    work: (state: ChainState) => Promise<T>,
    options?: { at?: string | undefined; signal?: AbortSignal | undefined },
  ): Promise<T>;
  submit(call: TransactionCall, signer: Signer, options?: CallOptions): Promise<IncludedTransaction>;
}
