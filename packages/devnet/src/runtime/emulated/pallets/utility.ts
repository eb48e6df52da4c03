import type { Variant } from '../../../scale/codec.ts';
import { type Context, ModuleError, type Origin, type Pallet } from '../pallet.ts';

const BATCHED_CALLS_LIMIT = 10_922;

interface BatchArgs {
  calls: Variant[];
}

function checkLength(calls: readonly Variant[]): void {
  if (calls.length > BATCHED_CALLS_LIMIT) throw new ModuleError('Utility', 'TooManyCalls');
}

/** Stops at the first error but keeps what went before. */
function batch(context: Context, origin: Origin, { calls }: BatchArgs): void {
  checkLength(calls);
  for (const [index, call] of calls.entries()) {
    const result = context.tryDispatch(call, origin);
    if (result.kind === 'Err') {
      context.deposit('Utility', 'BatchInterrupted', { index, error: result.value });
      return;
    }
    context.deposit('Utility', 'ItemCompleted');
  }
  context.deposit('Utility', 'BatchCompleted');
}

/** All or nothing. */
function batchAll(context: Context, origin: Origin, { calls }: BatchArgs): void {
  checkLength(calls);
  for (const call of calls) {
    context.dispatch(call, origin);
    context.deposit('Utility', 'ItemCompleted');
  }
  context.deposit('Utility', 'BatchCompleted');
}

/** Goes on after errors. */
function forceBatch(context: Context, origin: Origin, { calls }: BatchArgs): void {
  checkLength(calls);
  let failed = false;
  for (const call of calls) {
    const result = context.tryDispatch(call, origin);
    if (result.kind === 'Ok') context.deposit('Utility', 'ItemCompleted');
    else {
      failed = true;
      context.deposit('Utility', 'ItemFailed', { error: result.value });
    }
  }
  context.deposit('Utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted');
}

const args = { calls: 'Vec<RuntimeCall>' };

export const utilityPallet: Pallet = {
  name: 'Utility',
  index: 11,
  path: 'pallet_subtensor_utility::pallet',
  calls: {
    batch: { index: 0, args, dispatch: batch },
    batch_all: { index: 2, args, dispatch: batchAll },
    force_batch: { index: 4, args, dispatch: forceBatch },
  },
  events: [
    ['BatchInterrupted', 0, { index: 'u32', error: 'DispatchError' }],
    ['BatchCompleted', 1, []],
    ['BatchCompletedWithErrors', 2, []],
    ['ItemCompleted', 3, []],
    ['ItemFailed', 4, { error: 'DispatchError' }],
  ],
  errors: ['TooManyCalls', 'InvalidDerivedAccount'],
  constants: { batched_calls_limit: ['u32', BATCHED_CALLS_LIMIT] },
};
