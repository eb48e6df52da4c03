import type { Variant } from '../../scale/codec.ts';
import type { RuntimeState } from '../runtime.ts';
import { type Context, DispatchError, ModuleError, type Origin } from './pallet.ts';
import { PALLETS } from './pallets/index.ts';
import { checkBeforeDispatch } from './pallets/subtensor/pool-checks.ts';
import { appendEvent, systemStorage } from './pallets/system.ts';
import { runtimeCodecs } from './runtime-types.ts';

export const PALLET_BY_NAME = new Map(PALLETS.map((pallet) => [pallet.name, pallet]));

/** Pays::No. A batch is as free as its calls, all of them (weight_and_dispatch_class of pallets/utility). */
export function isFreeCall(call: Variant): boolean {
  if (isBatch(call)) return callsOf(call).every(isFreeCall);
  const { kind, value } = call as Variant<string, Variant>;
  return PALLET_BY_NAME.get(kind)?.calls?.[value.kind]?.free === true;
}

/** The sp_runtime::DispatchError value of what a dispatch threw; anything else is a bug of ours and is thrown on. */
export function dispatchErrorValue(thrown: unknown): Variant {
  if (thrown instanceof DispatchError) return thrown.variant;
  if (!(thrown instanceof ModuleError)) throw thrown;
  const pallet = PALLET_BY_NAME.get(thrown.pallet);
  const error = pallet?.errors?.indexOf(thrown.error) ?? -1;
  if (!pallet || error < 0) throw new Error(`error ${thrown.message} is not described`);
  return { kind: 'Module', value: { index: pallet.index, error: Uint8Array.of(error, 0, 0, 0) } };
}

function isBatch({ kind, value }: Variant): boolean {
  return kind === 'Utility' && /^(batch|batch_all|force_batch)$/.test((value as Variant).kind);
}

function callsOf(batch: Variant): Variant[] {
  return (batch.value as Variant<string, { calls: Variant[] }>).value.calls;
}

function isNestedBatch(call: Variant): boolean {
  return isBatch(call) && callsOf(call).some(isBatch);
}

/** The context of one extrinsic, or of a block's initialisation or finalisation. */
export class Execution implements Context {
  readonly state: RuntimeState;
  readonly block: number;
  readonly #phase: Variant;

  constructor(state: RuntimeState, phase: 'Initialization' | 'ApplyExtrinsic' | 'Finalization') {
    this.state = state;
    this.block = systemStorage.Number.get(state);
    const index = systemStorage.ExtrinsicCount.get(state) ?? 0;
    this.#phase = { kind: phase, value: phase === 'ApplyExtrinsic' ? index : [] };
  }

  deposit(pallet: string, event: string, value: unknown = []): void {
    const record = { phase: this.#phase, event: { kind: pallet, value: { kind: event, value } }, topics: [] };
    appendEvent(this.state, runtimeCodecs.encode('EventRecord', record));
  }

  /** True when the call gave its fee back. */
  run(call: Variant, origin: Origin): boolean {
    const { kind: palletName, value } = call as Variant<string, Variant>;
    const description = PALLET_BY_NAME.get(palletName)?.calls?.[value.kind];
    if (!description) throw new Error(`call ${palletName}.${value.kind} is not described`);
    // NoNestingCallFilter of runtime/src/lib.rs; root calls what it likes.
    if (origin.kind === 'signed' && isNestedBatch(call)) throw new ModuleError('System', 'CallFiltered');
    return this.#transaction(() => {
      // What the pool refuses also fails inside a batch or a proxied call, where no pool has looked.
      if (palletName === 'SubtensorModule' && origin.kind === 'signed') {
        checkBeforeDispatch(this.state, this.block, origin.who, value.kind, value.value);
      }
      const result = description.dispatch(this, origin, value.value as never);
      return description.free === true || result?.free === true;
    });
  }

  #transaction<T>(step: () => T): T {
    this.state.begin();
    try {
      const result = step();
      this.state.commit();
      return result;
    } catch (error) {
      this.state.rollback();
      throw error;
    }
  }

  attempt(step: () => void): Variant | undefined {
    try {
      this.#transaction(step);
      return undefined;
    } catch (error) {
      return dispatchErrorValue(error);
    }
  }

  dispatch(call: Variant, origin: Origin): void {
    this.run(call, origin);
  }

  tryDispatch(call: Variant, origin: Origin): Variant {
    try {
      this.run(call, origin);
      return { kind: 'Ok', value: [] };
    } catch (error) {
      return { kind: 'Err', value: dispatchErrorValue(error) };
    }
  }
}
