import type { RuntimeState } from '../../../runtime.ts';
import { spendable, withdraw } from '../../balances-ledger.ts';
import { type CallDescription, type Context, ensureSigned } from '../../pallet.ts';
import { ensure } from './errors.ts';
import {
  appendNeuron,
  createAccount,
  hotkeyExists,
  neuronToPrune,
  replaceNeuron,
  stakeWeightOf,
  subnetExists,
} from './neurons.ts';
import { subtensor as s } from './storage.ts';

const ROOT = 0;

function clampBurn(state: RuntimeState, netuid: number, burn: bigint): bigint {
  const low = s.MinBurn.get(state, netuid);
  const high = s.MaxBurn.get(state, netuid);
  return burn < low ? low : burn > high ? high : burn;
}

/** Every block the price decays with half life BurnHalfLife (blocks) towards MinBurn. */
export function decayBurn(state: RuntimeState, netuid: number): void {
  const burn = s.Burn.get(state, netuid);
  const factor = 2 ** (-1 / Math.max(1, s.BurnHalfLife.get(state, netuid)));
  const next = clampBurn(state, netuid, BigInt(Math.floor(Number(burn) * factor)));
  if (next !== burn) s.Burn.put(state, netuid, next);
}

/** Every registration multiplies it by BurnIncreaseMult (at least 1). */
function raiseBurn(state: RuntimeState, netuid: number): void {
  const one = 1n << 64n;
  const bits = s.BurnIncreaseMult.get(state, netuid).bits;
  const raised = (s.Burn.get(state, netuid) * (bits < one ? one : bits)) >> 64n;
  s.Burn.put(state, netuid, clampBurn(state, netuid, raised));
}

function burnedRegister(context: Context, coldkey: string, netuid: number, hotkey: string, limit?: bigint): void {
  const { state, block } = context;
  ensure(netuid !== ROOT, 'RegistrationNotPermittedOnRootSubnet');
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  const burn = s.Burn.get(state, netuid);
  if (limit !== undefined) ensure(burn <= limit, 'RegistrationPriceLimitExceeded');
  ensure(s.NetworkRegistrationAllowed.get(state, netuid), 'SubNetRegistrationDisabled');
  ensure(!s.Uids.has(state, netuid, hotkey), 'HotKeyAlreadyRegisteredInSubNet');
  ensure(spendable(state, coldkey, true) >= burn, 'NotEnoughBalanceToStake');
  createAccount(state, coldkey, hotkey);
  ensure(s.Owner.get(state, hotkey) === coldkey, 'NonAssociatedColdKey');
  const full = s.SubnetworkN.get(state, netuid) >= s.MaxAllowedUids.get(state, netuid);
  const replaced = full ? neuronToPrune(state, netuid, block) : undefined;
  ensure(s.MaxAllowedUids.get(state, netuid) > 0 && (!full || replaced !== undefined), 'NoNeuronIdAvailable');

  withdraw(context, coldkey, burn, true);
  s.RAORecycledForRegistration.put(state, netuid, s.RAORecycledForRegistration.get(state, netuid) + burn);
  let uid: number;
  if (replaced === undefined) {
    uid = appendNeuron(state, netuid, hotkey, block);
  } else {
    uid = replaced;
    replaceNeuron(state, netuid, uid, hotkey, block);
  }
  s.RegistrationsThisInterval.put(state, netuid, s.RegistrationsThisInterval.get(state, netuid) + 1);
  s.RegistrationsThisBlock.put(state, netuid, s.RegistrationsThisBlock.get(state, netuid) + 1);
  raiseBurn(state, netuid);
  context.deposit('SubtensorModule', 'NeuronRegistered', [netuid, uid, hotkey]);
}

/** Root has 64 places; the one with the least stake makes room. */
function rootRegister(context: Context, coldkey: string, hotkey: string): void {
  const { state, block } = context;
  ensure(
    s.RegistrationsThisBlock.get(state, ROOT) < s.MaxRegistrationsPerBlock.get(state, ROOT),
    'TooManyRegistrationsThisBlock',
  );
  ensure(
    s.RegistrationsThisInterval.get(state, ROOT) < 3 * s.TargetRegistrationsPerInterval.get(state, ROOT),
    'TooManyRegistrationsThisInterval',
  );
  ensure(!s.Uids.has(state, ROOT, hotkey), 'HotKeyAlreadyRegisteredInSubNet');
  createAccount(state, coldkey, hotkey);
  ensure(s.Owner.get(state, hotkey) === coldkey, 'NonAssociatedColdKey');
  const n = s.SubnetworkN.get(state, ROOT);
  let uid: number;
  if (n < s.MaxAllowedUids.get(state, ROOT)) {
    uid = appendNeuron(state, ROOT, hotkey, block);
  } else {
    const stakes = Array.from({ length: n }, (_, i) => stakeWeightOf(state, s.Keys.get(state, ROOT, i), ROOT));
    uid = 0;
    for (const [other, stake] of stakes.entries()) if (stake < stakes[uid]!) uid = other;
    ensure(stakeWeightOf(state, hotkey, ROOT) > stakes[uid]!, 'StakeTooLowForRoot');
    replaceNeuron(state, ROOT, uid, hotkey, block);
  }
  s.RegistrationsThisInterval.put(state, ROOT, s.RegistrationsThisInterval.get(state, ROOT) + 1);
  s.RegistrationsThisBlock.put(state, ROOT, s.RegistrationsThisBlock.get(state, ROOT) + 1);
  context.deposit('SubtensorModule', 'NeuronRegistered', [ROOT, uid, hotkey]);
}

interface RegisterArgs {
  netuid: number;
  hotkey: string;
}

export const registrationCalls: Readonly<Record<string, CallDescription>> = {
  /** Proof of work is ignored at this spec: the call is burned_register under another name. */
  register: {
    index: 6,
    args: {
      netuid: 'u16',
      block_number: 'u64',
      nonce: 'u64',
      work: 'Bytes',
      hotkey: 'AccountId32',
      coldkey: 'AccountId32',
    },
    dispatch: (context, origin, { netuid, hotkey }: RegisterArgs) =>
      burnedRegister(context, ensureSigned(origin), netuid, hotkey),
  },
  burned_register: {
    index: 7,
    args: { netuid: 'u16', hotkey: 'AccountId32' },
    dispatch: (context, origin, { netuid, hotkey }: RegisterArgs) =>
      burnedRegister(context, ensureSigned(origin), netuid, hotkey),
  },
  register_limit: {
    index: 134,
    args: { netuid: 'u16', hotkey: 'AccountId32', limit_price: 'u64' },
    dispatch: (context, origin, { netuid, hotkey, limit_price }: RegisterArgs & { limit_price: bigint }) =>
      burnedRegister(context, ensureSigned(origin), netuid, hotkey, limit_price),
  },
  root_register: {
    index: 62,
    args: { hotkey: 'AccountId32' },
    dispatch: (context, origin, { hotkey }: { hotkey: string }) => rootRegister(context, ensureSigned(origin), hotkey),
  },
  try_associate_hotkey: {
    index: 91,
    args: { hotkey: 'AccountId32' },
    dispatch: ({ state }, origin, { hotkey }: { hotkey: string }) => {
      const coldkey = ensureSigned(origin);
      if (!hotkeyExists(state, hotkey)) createAccount(state, coldkey, hotkey);
    },
  },
};
