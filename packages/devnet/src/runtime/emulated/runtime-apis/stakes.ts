import type { RuntimeState } from '../../runtime.ts';
import type { RuntimeApi, RuntimeApiMethod } from '../metadata/runtime-api.ts';
import { stakeOf } from '../pallets/subtensor/staking.ts';
import { subtensor as s } from '../pallets/subtensor/storage.ts';
import { ZERO_HASH } from '../pallets/system.ts';
import { netuids } from './subnet-list.ts';

/** StakeInfoRuntimeApi and DelegateInfoRuntimeApi (rpc_info/{stake,delegate}_info.rs). */

/** Alpha that epochs paid to a hotkey is its owner's although the owner never called add_stake: both lists count. */
function stakingHotkeys(state: RuntimeState, coldkey: string): string[] {
  return [...new Set([...s.StakingHotkeys.get(state, coldkey), ...s.OwnedHotkeys.get(state, coldkey)])];
}

function stakeInfo(state: RuntimeState, hotkey: string, coldkey: string, netuid: number) {
  const none = { locked: 0n, emission: 0n, tao_emission: 0n, drain: 0n };
  const stake = stakeOf(state, hotkey, coldkey, netuid);
  return { hotkey, coldkey, netuid, stake, ...none, is_registered: s.Uids.has(state, netuid, hotkey) };
}

/** Every subnet on which `coldkey` has stake with one of its hotkeys. */
function stakes(state: RuntimeState, coldkey: string) {
  const hotkeys = stakingHotkeys(state, coldkey);
  return netuids(state)
    .flatMap((netuid) => hotkeys.map((hotkey) => stakeInfo(state, hotkey, coldkey, netuid)))
    .filter(({ stake }) => stake > 0n);
}

/** Nothing is ever locked here. A list that is empty or longer than there are subnets gets empty answers, as on chain. */
function availability(state: RuntimeState, [coldkeys, asked]: readonly unknown[]): unknown {
  const existing = netuids(state);
  const wanted = asked === undefined ? existing : [...new Set(asked as number[])].sort((a, b) => a - b);
  const refused = wanted.length === 0 || wanted.length > existing.length;
  return [...new Set(coldkeys as string[])].sort().map((coldkey) => {
    const rows = refused ? [] : stakes(state, coldkey);
    const perSubnet = wanted.flatMap((netuid) => {
      const total = rows.reduce((sum, row) => (row.netuid === netuid ? sum + row.stake : sum), 0n);
      return total === 0n ? [] : [[netuid, { total, locked: 0n, available: total }]];
    });
    return [coldkey, perSubnet];
  });
}

/** Accounts in a Blake2_128Concat map: the raw key ends its storage key. */
function delegateAccounts(state: RuntimeState): string[] {
  const prefix = s.Delegates.key(ZERO_HASH).slice(0, 2 + 64);
  return state.keys(prefix).map((key) => `0x${key.slice(-64)}`);
}

function delegateInfo(state: RuntimeState, delegate: string): unknown {
  const owner = s.Owner.get(state, delegate);
  const staked = netuids(state)
    .map((netuid) => [netuid, stakeOf(state, delegate, owner, netuid)] as const)
    .filter(([, stake]) => stake > 0n);
  const registrations = netuids(state).filter((netuid) => s.Uids.has(state, netuid, delegate));
  return {
    delegate_ss58: delegate,
    take: s.Delegates.get(state, delegate),
    // Only the owner can have staked here: who else did is not indexed by hotkey.
    nominators: staked.length === 0 ? [] : [[owner, staked]],
    owner_ss58: owner,
    registrations,
    validator_permits: registrations.filter(
      (netuid) => s.ValidatorPermit.get(state, netuid)[s.Uids.get(state, netuid, delegate)!],
    ),
    return_per_1000: 0n,
    total_daily_return: 0n,
  };
}

const stakeMethods: Record<string, RuntimeApiMethod> = {
  get_stake_info_for_coldkey: {
    inputs: { coldkey_account: 'AccountId32' },
    output: 'Vec<StakeInfo>',
    run: (state, [coldkey]) => stakes(state, coldkey as string),
  },
  get_stake_info_for_coldkeys: {
    inputs: { coldkey_accounts: 'Vec<AccountId32>' },
    output: 'Vec<(AccountId32,Vec<StakeInfo>)>',
    run: (state, [coldkeys]) => (coldkeys as string[]).map((coldkey) => [coldkey, stakes(state, coldkey)]),
  },
  get_stake_info_for_hotkey_coldkey_netuid: {
    inputs: { hotkey_account: 'AccountId32', coldkey_account: 'AccountId32', netuid: 'u16' },
    output: 'Option<StakeInfo>',
    run: (state, [hotkey, coldkey, netuid]) => stakeInfo(state, hotkey as string, coldkey as string, netuid as number),
  },
  get_stake_availability_for_coldkeys: {
    inputs: { coldkey_accounts: 'Vec<AccountId32>', netuids: 'Option<Vec<u16>>' },
    output: 'AvailabilityByColdkey',
    run: availability,
  },
  get_stake_fee: {
    inputs: {
      origin: 'Option<(AccountId32,u16)>',
      origin_coldkey_account: 'AccountId32',
      destination: 'Option<(AccountId32,u16)>',
      destination_coldkey_account: 'AccountId32',
      amount: 'u64',
    },
    output: 'u64',
    // The fee is the pools', and there are none.
    run: () => 0n,
  },
};

const delegateMethods: Record<string, RuntimeApiMethod> = {
  get_delegates: {
    inputs: {},
    output: 'Vec<DelegateInfo>',
    run: (state) => delegateAccounts(state).map((delegate) => delegateInfo(state, delegate)),
  },
  get_delegate: {
    inputs: { delegate_account: 'AccountId32' },
    output: 'Option<DelegateInfo>',
    run: (state, [delegate]) =>
      s.Delegates.has(state, delegate as string) ? delegateInfo(state, delegate as string) : undefined,
  },
  get_delegated: {
    inputs: { delegatee_account: 'AccountId32' },
    output: 'Vec<(DelegateInfo,(Compact<u16>,Compact<u64>))>',
    run: (state, [coldkey]) =>
      stakes(state, coldkey as string)
        .filter(({ hotkey }) => s.Delegates.has(state, hotkey))
        .map(({ hotkey, netuid, stake }) => [delegateInfo(state, hotkey), [netuid, stake]]),
  },
};

export function stakeApis(): RuntimeApi[] {
  return [
    { name: 'DelegateInfoRuntimeApi', version: 1, methods: delegateMethods },
    { name: 'StakeInfoRuntimeApi', version: 1, methods: stakeMethods },
  ];
}
