/** Subtensor's CustomTransactionError, in no metadata: common/src/transaction_error.rs of opentensor/subtensor. */
const CUSTOM = [
  'ColdkeyInSwapSchedule',
  'StakeAmountTooLow',
  'BalanceTooLow',
  'SubnetNotExists',
  'HotkeyAccountDoesntExist',
  'NotEnoughStakeToWithdraw',
  'RateLimitExceeded',
  'InsufficientLiquidity',
  'SlippageTooHigh',
  'TransferDisallowed',
  'HotKeyNotRegisteredInNetwork',
  'InvalidIpAddress',
  'ServingRateLimitExceeded',
  'InvalidPort',
  'ZeroMaxAmount',
  'InvalidRevealRound',
  'CommitNotFound',
  'CommitBlockNotInRevealRange',
  'InputLengthsUnequal',
  'UidNotFound',
  'EvmKeyAssociateRateLimitExceeded',
  'ColdkeySwapDisputed',
  'InvalidRealAccount',
  'FailedShieldedTxParsing',
  'InvalidShieldedTxPubKeyHash',
  'NonAssociatedColdKey',
  'DelegateTakeTooLow',
  'DelegateTakeTooHigh',
];

/** 'pool 1010 Custom 6 RateLimitExceeded', or the code and the node's wording. */
export function poolRefusal(error: unknown): string {
  const { code, message } = error as { code?: number; message: string };
  if (code === undefined) throw error;
  const custom = /Custom error: (\d+)/.exec(message)?.[1];
  // What a runtime says where it cannot decode is in its own words.
  if (/invalid format/.test(message)) return `pool ${code} invalid format`;
  if (custom === undefined) return `pool ${code} ${message.replace(/^\d+: (Invalid Transaction: )?/, '')}`;
  const name = custom === '255' ? 'BadRequest' : (CUSTOM[Number(custom)] ?? 'unknown');
  return `pool ${code} Custom ${custom} ${name}`;
}
