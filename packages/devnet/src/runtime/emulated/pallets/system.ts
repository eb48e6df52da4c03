import { blake2AsU8a } from '@polkadot/util-crypto';
import { ScaleReader, ScaleWriter, toHex } from '../../../scale/bytes.ts';
import type { RuntimeState } from '../../runtime.ts';
import type { AccountInfo } from '../decoded-types.ts';
import { ensureRoot, ensureSigned, type Pallet } from '../pallet.ts';
import { defineStorage, map, plain, plainOptional } from '../storage.ts';
import { SPEC_VERSION, versionValue } from '../version.ts';

/** Hashes of so many past blocks stay readable on chain, and a mortal transaction may live that long. */
export const BLOCK_HASH_COUNT = 2400;

export const ZERO_HASH = `0x${'00'.repeat(32)}`;

const EMPTY_ACCOUNT: AccountInfo = {
  nonce: 0,
  consumers: 0,
  providers: 0,
  sufficients: 0,
  // The flag of pallet-balances' newer bookkeeping.
  data: { free: 0n, reserved: 0n, frozen: 0n, flags: 1n << 127n },
};

export const systemStorage = defineStorage('System', {
  Account: map([['Blake2_128Concat', 'AccountId32']], 'AccountInfo', EMPTY_ACCOUNT),
  ExtrinsicCount: plainOptional('u32'),
  BlockHash: map([['Twox64Concat', 'u32']], 'H256', ZERO_HASH),
  Number: plain('u32', 0),
  ParentHash: plain('H256', ZERO_HASH),
  Events: plain('Vec<EventRecord>', []),
  EventCount: plain('u32', 0),
});

/** Events are appended as bytes: re-encoding the whole list for each event would need the runtime's event type here. */
export function appendEvent(state: RuntimeState, record: Uint8Array): void {
  const key = systemStorage.Events.key();
  const stored = state.get(key);
  const reader = new ScaleReader(stored ?? Uint8Array.of(0));
  const count = Number(reader.compact());
  const rest = reader.raw(reader.remaining);
  state.set(
    key,
    new ScaleWriter()
      .compact(count + 1)
      .raw(rest)
      .raw(record)
      .finish(),
  );
  systemStorage.EventCount.put(state, count + 1);
}

export function incrementNonce(state: RuntimeState, who: string): void {
  const account = systemStorage.Account.get(state, who);
  systemStorage.Account.put(state, who, { ...account, nonce: account.nonce + 1 });
}

export const systemPallet: Pallet = {
  name: 'System',
  index: 0,
  path: 'frame_system::pallet',
  storage: systemStorage,
  calls: {
    remark: { index: 0, args: { remark: 'Bytes' }, dispatch: () => {} },
    set_storage: {
      index: 4,
      args: { items: 'Vec<(Bytes,Bytes)>' },
      dispatch: ({ state }, origin, { items }: { items: [Uint8Array, Uint8Array][] }) => {
        ensureRoot(origin);
        for (const [key, value] of items) state.set(toHex(key), value);
      },
    },
    kill_storage: {
      index: 5,
      args: { keys: 'Vec<Bytes>' },
      dispatch: ({ state }, origin, { keys }: { keys: Uint8Array[] }) => {
        ensureRoot(origin);
        for (const key of keys) state.delete(toHex(key));
      },
    },
    remark_with_event: {
      index: 7,
      args: { remark: 'Bytes' },
      dispatch: (context, origin, { remark }: { remark: Uint8Array }) => {
        const sender = ensureSigned(origin);
        context.deposit('System', 'Remarked', { sender, hash: toHex(blake2AsU8a(remark, 256)) });
      },
    },
  },
  events: [
    ['ExtrinsicSuccess', 0, { dispatch_info: 'DispatchEventInfo' }],
    ['ExtrinsicFailed', 1, { dispatch_error: 'DispatchError', dispatch_info: 'DispatchEventInfo' }],
    ['NewAccount', 3, { account: 'AccountId32' }],
    ['KilledAccount', 4, { account: 'AccountId32' }],
    ['Remarked', 5, { sender: 'AccountId32', hash: 'H256' }],
  ],
  errors: [
    'InvalidSpecName',
    'SpecVersionNeedsToIncrease',
    'FailedToExtractRuntimeVersion',
    'NonDefaultComposite',
    'NonZeroRefCount',
    'CallFiltered',
    'MultiBlockMigrationsOngoing',
    'NothingAuthorized',
    'Unauthorized',
  ],
  constants: {
    BlockHashCount: ['u32', BLOCK_HASH_COUNT],
    Version: ['RuntimeVersion', versionValue(SPEC_VERSION)],
    SS58Prefix: ['u16', 42],
  },
};

/** The pallet as a runtime of another version describes it. */
export function systemPalletOf(specVersion: number): Pallet {
  const Version = ['RuntimeVersion', versionValue(specVersion)] as const;
  return { ...systemPallet, constants: { ...systemPallet.constants, Version } };
}
