import { freeBalance, setBalance, spendable, transfer } from '../../balances-ledger.ts';
import type { Context } from '../../pallet.ts';
import { ensure } from './errors.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');
/** PalletId(*b"subtensr") of runtime/src/lib.rs, as account ids that no key opens are made. */
const PREFIX = `0x${hex('modl')}${hex('subtensr')}`;

/** The account that holds a subnet's TAO: the pallet's, the netuid as u16, zeros. */
export function subnetAccount(netuid: number): string {
  const tail = Buffer.alloc(2);
  tail.writeUInt16LE(netuid);
  return `${PREFIX}${tail.toString('hex')}`.padEnd(66, '0');
}

export function isSubnetAccount(account: string): boolean {
  return account.startsWith(PREFIX) && /^0*$/.test(account.slice(PREFIX.length + 4));
}

/** What `who` could pay if its account need not live on (can_remove_balance_from_coldkey_account of coinbase/tao.rs). */
export function canPay(context: Context, who: string, amount: bigint): boolean {
  return freeBalance(context.state, who) >= amount;
}

/**
 * TAO that a coldkey gives to a subnet: less than `amount` where its account would die of it. Gives what was paid
 * (transfer_tao_to_subnet of coinbase/tao.rs).
 */
export function payToSubnet(context: Context, netuid: number, who: string, amount: bigint): bigint {
  if (amount === 0n) return 0n;
  const most = spendable(context.state, who, true);
  const paid = amount < most ? amount : most;
  ensure(paid > 0n, 'InsufficientBalance');
  transfer(context, who, subnetAccount(netuid), paid, true);
  return paid;
}

/**
 * TAO that a subnet gives to a coldkey (transfer_tao_from_subnet of coinbase/tao.rs). Where there are no pools, what was
 * earned and not staked is in nobody's account: it is made when it is taken out.
 */
export function payFromSubnet(context: Context, netuid: number, who: string, amount: bigint): void {
  const { state } = context;
  const account = subnetAccount(netuid);
  const there = freeBalance(state, account);
  if (there < amount) setBalance(state, account, amount);
  transfer(context, account, who, amount, false);
}
