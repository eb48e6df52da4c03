import { type CallDescription, type Context, ensureSigned } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { appendNeuron, createAccount, replaceNeuron, subnetExists } from './neurons.ts';
import { neuronToPrune } from './pruning.ts';
import { raiseBurn } from './registration-price.ts';
import { subtensor as s } from './storage.ts';
import { canPay, payToSubnet } from './subnet-account.ts';

const ROOT = 0;
/** 18 % of 65,535: what a validator of root takes unless it says otherwise. */
const DEFAULT_TAKE = 11_796;

/** do_register and do_register_limit of subnets/registration.rs. */
function burnedRegister(context: Context, coldkey: string, netuid: number, hotkey: string, limit?: bigint): void {
  const { state, block } = context;
  ensure(netuid !== ROOT, 'RegistrationNotPermittedOnRootSubnet');
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  const burn = s.Burn.get(state, netuid);
  if (limit !== undefined) ensure(burn <= limit, 'RegistrationPriceLimitExceeded');
  ensure(s.NetworkRegistrationAllowed.get(state, netuid), 'SubNetRegistrationDisabled');
  ensure(!s.Uids.has(state, netuid, hotkey), 'HotKeyAlreadyRegisteredInSubNet');
  ensure(canPay(context, coldkey, burn), 'NotEnoughBalanceToStake');
  createAccount(state, coldkey, hotkey);
  ensure(s.Owner.get(state, hotkey) === coldkey, 'NonAssociatedColdKey');
  const most = s.MaxAllowedUids.get(state, netuid);
  const full = s.SubnetworkN.get(state, netuid) >= most;
  const replaced = full ? neuronToPrune(state, netuid, block) : undefined;
  ensure(most > 0 && (!full || replaced !== undefined), 'NoNeuronIdAvailable');

  payToSubnet(context, netuid, coldkey, burn);
  let uid: number;
  if (replaced === undefined) {
    uid = appendNeuron(state, netuid, hotkey, block);
  } else {
    uid = replaced;
    replaceNeuron(state, netuid, uid, hotkey, block);
  }
  raiseBurn(state, netuid);
  s.RegistrationsThisBlock.put(state, netuid, s.RegistrationsThisBlock.get(state, netuid) + 1);
  const recycled = s.RAORecycledForRegistration.get(state, netuid) + burn;
  s.RAORecycledForRegistration.put(state, netuid, recycled);
  context.deposit('SubtensorModule', 'RAORecycledForRegistrationSet', [netuid, recycled]);
  context.deposit('SubtensorModule', 'NeuronRegistered', [netuid, uid, hotkey]);
}

/**
 * Root has 64 places; the one with the least stake makes room. Anybody may enter any hotkey, its owner's or not
 * (do_root_register of coinbase/root.rs).
 */
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
  const n = s.SubnetworkN.get(state, ROOT);
  let uid = n;
  if (n < s.MaxAllowedUids.get(state, ROOT)) {
    appendNeuron(state, ROOT, hotkey, block);
  } else {
    const stakeOnRoot = (who: string): bigint => s.TotalHotkeyAlpha.get(state, who, ROOT);
    const stakes = Array.from({ length: n }, (_, i) => stakeOnRoot(s.Keys.get(state, ROOT, i)));
    uid = 0;
    for (const [other, stake] of stakes.entries()) if (stake < stakes[uid]!) uid = other;
    ensure(stakeOnRoot(hotkey) > stakes[uid]!, 'StakeTooLowForRoot');
    replaceNeuron(state, ROOT, uid, hotkey, block);
  }
  if (!s.Delegates.has(state, hotkey)) s.Delegates.put(state, hotkey, DEFAULT_TAKE);
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
      createAccount(state, ensureSigned(origin), hotkey);
    },
  },
};
