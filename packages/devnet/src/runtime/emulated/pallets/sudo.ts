import type { Variant } from '../../../scale/codec.ts';
import { type Context, ensureSigned, ModuleError, type Origin, type Pallet } from '../pallet.ts';
import { defineStorage, plainOptional } from '../storage.ts';
import { lookup } from './balances.ts';

export const sudoStorage = defineStorage('Sudo', { Key: plainOptional('AccountId32') });

/** The key's holder, or root itself: sudo within sudo. */
function ensureSudo(context: Context, origin: Origin): void {
  if (origin.kind === 'root') return;
  if (sudoStorage.Key.get(context.state) !== ensureSigned(origin)) throw new ModuleError('Sudo', 'RequireSudo');
}

/** The sudo extrinsic itself succeeds whatever the inner call does: its result is in the event. */
function asRoot(context: Context, origin: Origin, call: Variant): { free: true } {
  ensureSudo(context, origin);
  const sudo_result = context.tryDispatch(call, { kind: 'root' });
  context.deposit('Sudo', 'Sudid', { sudo_result });
  return { free: true };
}

export const sudoPallet: Pallet = {
  name: 'Sudo',
  index: 12,
  path: 'pallet_sudo::pallet',
  storage: sudoStorage,
  calls: {
    sudo: {
      index: 0,
      args: { call: 'RuntimeCall' },
      dispatch: (context, origin, { call }: { call: Variant }) => asRoot(context, origin, call),
    },
    sudo_unchecked_weight: {
      index: 1,
      args: { call: 'RuntimeCall', weight: 'Weight' },
      dispatch: (context, origin, { call }: { call: Variant }) => asRoot(context, origin, call),
    },
    set_key: {
      index: 2,
      args: { new: 'MultiAddress' },
      dispatch: (context, origin, args: { new: Variant }) => {
        ensureSudo(context, origin);
        const old = sudoStorage.Key.get(context.state);
        const key = lookup(args.new);
        sudoStorage.Key.put(context.state, key);
        context.deposit('Sudo', 'KeyChanged', { old, new: key });
        return { free: true };
      },
    },
    sudo_as: {
      index: 3,
      args: { who: 'MultiAddress', call: 'RuntimeCall' },
      dispatch: (context, origin, { who, call }: { who: Variant; call: Variant }) => {
        ensureSudo(context, origin);
        const sudo_result = context.tryDispatch(call, { kind: 'signed', who: lookup(who) });
        context.deposit('Sudo', 'SudoAsDone', { sudo_result });
        return { free: true };
      },
    },
  },
  events: [
    ['Sudid', 0, { sudo_result: 'Result<(),DispatchError>' }],
    ['KeyChanged', 1, { old: 'Option<AccountId32>', new: 'AccountId32' }],
    ['KeyRemoved', 2, []],
    ['SudoAsDone', 3, { sudo_result: 'Result<(),DispatchError>' }],
  ],
  errors: ['RequireSudo'],
};
