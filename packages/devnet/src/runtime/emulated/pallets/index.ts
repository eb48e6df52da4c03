import type { Pallet } from '../pallet.ts';
import { adminUtilsPallet } from './admin-utils.ts';
import { balancesPallet } from './balances.ts';
import { commitmentsPallet } from './commitments.ts';
import { drandPallet } from './drand.ts';
import { subtensorPallet } from './subtensor/pallet.ts';
import { sudoPallet } from './sudo.ts';
import { systemPallet } from './system.ts';
import { timestampPallet } from './timestamp.ts';
import { transactionPaymentPallet } from './transaction-payment.ts';
import { utilityPallet } from './utility.ts';

/** In the order of their indices. */
export const PALLETS: readonly Pallet[] = [
  systemPallet,
  timestampPallet,
  balancesPallet,
  transactionPaymentPallet,
  subtensorPallet,
  utilityPallet,
  sudoPallet,
  commitmentsPallet,
  adminUtilsPallet,
  drandPallet,
];
