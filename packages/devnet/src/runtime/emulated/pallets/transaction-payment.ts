import type { Pallet } from '../pallet.ts';
import { defineStorage, plain } from '../storage.ts';

const transactionPaymentStorage = defineStorage('TransactionPayment', {
  NextFeeMultiplier: plain('u128', 1_000_000_000_000_000_000n),
});

/** RAO. The real runtime derives fees from weights; here a base and a price per byte come out at the same order. */
export const BASE_FEE = 125_000n;
export const FEE_PER_BYTE = 700n;

/** Fee in RAO of a paying extrinsic of `length` bytes, tip not included. */
export function feeOf(length: number): { base: bigint; length: bigint; total: bigint } {
  const perLength = BigInt(length) * FEE_PER_BYTE;
  return { base: BASE_FEE, length: perLength, total: BASE_FEE + perLength };
}

export const transactionPaymentPallet: Pallet = {
  name: 'TransactionPayment',
  index: 6,
  path: 'pallet_transaction_payment::pallet',
  storage: transactionPaymentStorage,
  events: [['TransactionFeePaid', 0, { who: 'AccountId32', actual_fee: 'u64', tip: 'u64' }]],
  constants: { OperationalFeeMultiplier: ['u8', 5] },
};
