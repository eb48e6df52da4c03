import type { Signer } from '@tuning/kit';
import type { z } from 'zod';
import type { BlockRef } from '../src/block-ref.ts';
import type { ChainContext } from '../src/chain-context.ts';
import type { ChainError } from '../src/chain-error.ts';
import type { ChainState } from '../src/chain-state.ts';
import { parseValue } from '../src/chain-values.ts';
import type { ChainEvent } from '../src/events.ts';
import type { IncludedTransaction, TransactionCall } from '../src/submit.ts';

export const ME = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
export const OTHER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';
export const signer: Signer = { address: ME, publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) };

/** Storage as a table of `item` → value (or function of the keys); calls are recorded and succeed. */
export class FakeContext implements ChainContext {
  head: BlockRef = { number: 100, hash: `0x${'64'.repeat(32)}` };
  readonly blockTimeMs = 12_000;
  readonly calls: TransactionCall[] = [];
  readonly storage: Record<string, unknown>;
  refusal: ChainError | undefined;
  /** Calls that the runtime does not have. */
  readonly missing = new Set<string>();
  /** What a call does to the storage, and its events. */
  onCall: ((call: TransactionCall) => Partial<ChainEvent>[]) | undefined;

  constructor(storage: Record<string, unknown>) {
    this.storage = storage;
  }

  hasCall(_pallet: string, call: string): boolean {
    return !this.missing.has(call);
  }

  async waitForBlock(number: number): Promise<BlockRef> {
    this.head = { number, hash: `0x${number.toString(16).padStart(64, '0')}` };
    return this.head;
  }

  read<T>(
    _what: string,
    work: (state: ChainState) => Promise<T>,
    options: { at?: string | undefined } = {},
  ): Promise<T> {
    const value = (item: string, keys: unknown[]) => {
      const found = this.storage[item];
      return typeof found === 'function' ? found(...keys) : found;
    };
    return work({
      hash: options.at ?? this.head.hash,
      has: (_pallet, item) => item in this.storage,
      read: async (schema, _pallet, item, ...keys) => parseValue(schema, value(item, keys), item),
      readMany: async (schema, _pallet, item, keys) => keys.map((key) => parseValue(schema, value(item, [key]), item)),
      rows: async <K extends z.ZodType, S extends z.ZodType>(key: K, schema: S, _pallet: string, item: string) =>
        new Map(
          (value(item, []) as [unknown, unknown][]).map(([k, v]) => [
            parseValue(key, k, item),
            parseValue(schema, v, item),
          ]),
        ),
    });
  }

  async submit(call: TransactionCall): Promise<IncludedTransaction> {
    this.calls.push(call);
    if (this.refusal) throw this.refusal;
    const made = this.onCall?.(call) ?? [];
    const events = made.map((event) => ({
      extrinsic: 1,
      pallet: 'subtensorModule',
      name: '',
      data: [],
      failure: undefined,
      ...event,
    }));
    return { block: { number: this.head.number + 1, hash: `0x${'65'.repeat(32)}` }, events };
  }
}

/** Storage of a subnet's rules. */
export const rules = {
  tempo: 20,
  weightsSetRateLimit: 10,
  servingRateLimit: 50,
  minAllowedWeights: 1,
  maxWeightsLimit: 65535,
  weightsVersionKey: 3,
  commitRevealWeightsEnabled: false,
  maxAllowedUids: 256,
  maxAllowedValidators: 64,
  networkRegistrationAllowed: true,
  immunityPeriod: 10,
  validatorPermit: [false, true],
  now: 1_800_000_000_000,
  subnetEpochIndex: 7,
  lastEpochBlock: 95,
  pendingEpochAt: 0,
  revealPeriodEpochs: 1,
};
