import type { RuntimeState } from '../runtime.ts';
import { arithmeticError, type Context, tokenError } from './pallet.ts';
import { systemStorage } from './pallets/system.ts';
import { defineStorage, plain } from './storage.ts';

export const EXISTENTIAL_DEPOSIT = 500n;

export const balancesStorage = defineStorage('Balances', {
  TotalIssuance: plain('u64', 0n),
});

export function freeBalance(state: RuntimeState, who: string): bigint {
  return systemStorage.Account.get(state, who).data.free;
}

/**
 * Sets the free balance without any check; keeps the total issuance in step. An account that had one and loses it is
 * gone, its nonce included; one that never had one (a hotkey with a nonce only) stays as it is.
 */
export function setBalance(state: RuntimeState, who: string, free: bigint): void {
  const account = systemStorage.Account.get(state, who);
  const lives = free >= EXISTENTIAL_DEPOSIT;
  const issuance = balancesStorage.TotalIssuance.get(state);
  balancesStorage.TotalIssuance.put(state, issuance - account.data.free + (lives ? free : 0n));
  if (lives) {
    systemStorage.Account.put(state, who, { ...account, providers: 1, data: { ...account.data, free } });
  } else if (account.providers > 0) {
    systemStorage.Account.remove(state, who);
  }
}

/** What `who` may spend: with `keepAlive` the existential deposit stays. */
export function spendable(state: RuntimeState, who: string, keepAlive: boolean): bigint {
  const free = freeBalance(state, who);
  const kept = keepAlive ? EXISTENTIAL_DEPOSIT : 0n;
  return free > kept ? free - kept : 0n;
}

/** Takes `amount` out of circulation. DispatchError Token as pallet-balances gives it. */
export function withdraw(context: Context, who: string, amount: bigint, keepAlive: boolean): void {
  const free = freeBalance(context.state, who);
  if (free < amount) throw tokenError('FundsUnavailable');
  if (keepAlive && free - amount < EXISTENTIAL_DEPOSIT) throw tokenError('NotExpendable');
  settle(context, who, free - amount);
}

export function deposit(context: Context, who: string, amount: bigint): void {
  const free = freeBalance(context.state, who);
  if (free === 0n && amount < EXISTENTIAL_DEPOSIT) throw tokenError('BelowMinimum');
  setBalance(context.state, who, free + amount);
  if (free === 0n) {
    context.deposit('System', 'NewAccount', { account: who });
    context.deposit('Balances', 'Endowed', { account: who, free_balance: amount });
  }
}

/** fungible::Mutate::transfer: the sender's side is checked before the receiver's; to oneself nothing moves or is told. */
export function transfer(context: Context, from: string, to: string, amount: bigint, keepAlive: boolean): void {
  const { state } = context;
  if (amount > 0n) {
    if (amount > balancesStorage.TotalIssuance.get(state)) throw arithmeticError('Underflow');
    const free = freeBalance(state, from);
    if (free < amount) throw tokenError('FundsUnavailable');
    if (keepAlive && free - amount < EXISTENTIAL_DEPOSIT) throw tokenError('NotExpendable');
    if (freeBalance(state, to) + amount < EXISTENTIAL_DEPOSIT) throw tokenError('BelowMinimum');
  }
  if (from === to) return;
  if (amount > 0n) {
    withdraw(context, from, amount, keepAlive);
    deposit(context, to, amount);
  } else if (freeBalance(state, from) === 0n) {
    // Even so the sender's account is written, and one with nothing counts as new.
    context.deposit('Balances', 'Endowed', { account: from, free_balance: 0n });
  }
  context.deposit('Balances', 'Transfer', { from, to, amount });
}

/** An account that falls below the existential deposit is removed; what was left is dust. */
function settle(context: Context, who: string, free: bigint): void {
  if (free >= EXISTENTIAL_DEPOSIT) {
    setBalance(context.state, who, free);
    return;
  }
  setBalance(context.state, who, 0n);
  context.deposit('System', 'KilledAccount', { account: who });
  if (free > 0n) context.deposit('Balances', 'DustLost', { account: who, amount: free });
}
