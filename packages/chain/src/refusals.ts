import { RARE_REFUSALS } from './refusals-rare.ts';

/** What a refusal of the chain means for an operator, and what to do. */
export interface Refusal {
  meaning: string;
  remedy: string;
}

const WAIT_FOR_LIMIT = 'wait for the rate limit and try again; only the subnet’s owner can shorten it';
const WAIT = 'wait and try again';
const UPDATE = 'update this program';
const REPORT = 'this program should not have sent it: update it, and report this if it stays';
const REGISTER = 'register the hotkey on this subnet first (tuning register)';
const FUND = 'send TAO to the coldkey and try again';
const COLDKEY = 'use the coldkey that owns the hotkey';
const CHECK_NETUID = 'correct the netuid';

/**
 * Every refusal that the calls of this project can meet, by the runtime's own name: module errors of SubtensorModule,
 * Commitments, Balances and System (opentensor/subtensor pallets/subtensor/src/macros/errors.rs, pallets/commitments), the
 * names that Custom(n) of the pool stands for, and the SDK's own transaction faults. {@link RARE_REFUSALS} has the rest of
 * the pallets that can be met; errors of others are told in the metadata's words.
 */
const REFUSALS: Readonly<Record<string, readonly [meaning: string, remedy: string]>> = {
  // Accounts, subnets and registration.
  SubnetNotExists: ['there is no such subnet', CHECK_NETUID],
  SubNetworkDoesNotExist: ['there is no such subnet', CHECK_NETUID],
  MechanismDoesNotExist: ['there is no such subnet, or it has no such mechanism', CHECK_NETUID],
  RootNetworkDoesNotExist: ['the chain has no root subnet', 'give another endpoint'],
  HotKeyNotRegisteredInSubNet: ['the hotkey is not registered on this subnet, or no longer', REGISTER],
  HotKeyNotRegisteredInNetwork: ['the hotkey is not registered on this subnet, or no longer', REGISTER],
  HotKeyAccountNotExists: ['the chain does not know this hotkey', REGISTER],
  HotKeyAlreadyRegisteredInSubNet: ['the hotkey is registered on this subnet already', 'nothing needs to be done'],
  NonAssociatedColdKey: ['the hotkey belongs to another coldkey', COLDKEY],
  NotEnoughBalanceToStake: ['the coldkey holds less than the price', FUND],
  NotEnoughStake: ['the hotkey has too little stake', 'stake more to it'],
  NotEnoughStakeToWithdraw: ['less is staked than was to be withdrawn', 'withdraw less'],
  BalanceWithdrawalError: ['the coldkey’s TAO cannot be withdrawn (locked, or too little)', FUND],
  ZeroBalanceAfterWithdrawn: ['nothing would be left on the coldkey', FUND],
  InsufficientBalance: ['the account holds too little', FUND],
  AmountTooLow: ['the amount is below what the chain takes', 'use a larger amount'],
  ZeroMaxAmount: ['nothing can be staked or withdrawn within the given price limit', 'relax the limit'],
  InsufficientLiquidity: ['the subnet’s pool holds too little', 'use a smaller amount'],
  SlippageTooHigh: ['the price would move beyond the limit given', 'use a smaller amount, or relax the limit'],
  TransferDisallowed: ['this subnet does not let stake be transferred', 'unstake and stake again instead'],
  NoNeuronIdAvailable: ['the subnet is full and no neuron can be replaced yet', 'wait until an immunity period ends'],
  SubNetRegistrationDisabled: ['the subnet takes no registrations', 'ask its owner, or choose another subnet'],
  RegistrationPriceLimitExceeded: ['the price rose above the limit', 'raise --max-burn or wait until it falls'],
  RegistrationNotPermittedOnRootSubnet: ['netuid 0 is the root network', CHECK_NETUID],
  TooManyRegistrationsThisBlock: ['this block has its full number of registrations', WAIT],
  TooManyRegistrationsThisInterval: ['this interval has its full number of registrations', WAIT],
  InvalidWorkBlock: ['the proof of work is too old', WAIT],
  InvalidDifficulty: ['the proof of work is too weak', 'register by burning TAO'],
  InvalidSeal: ['the proof of work is wrong', 'register by burning TAO'],
  CannotUseSystemAccount: ['a system account was given as a key', 'give a key of your own'],
  NotSubnetOwner: ['only the owner of the subnet may do this', 'sign with the owner’s coldkey'],
  SubtokenDisabled: ['the subnet has not been started', 'ask its owner to start it'],
  CallDisabled: ['the runtime has this call switched off', UPDATE],
  Deprecated: ['the runtime no longer has this call', UPDATE],
  DisabledTemporarily: ['the runtime has this switched off for now', WAIT],
  TxRateLimitExceeded: ['calls of this kind come too fast', WAIT_FOR_LIMIT],
  NetworkTxRateLimitExceeded: ['subnets are created too fast', WAIT],
  RateLimitExceeded: ['calls of this kind come too fast', WAIT_FOR_LIMIT],
  ColdkeySwapAnnounced: ['the coldkey has an announced swap, so it may do nothing else', 'finish or cancel the swap'],
  ColdkeySwapDisputed: ['the swap of the coldkey is disputed, so it is frozen', 'turn to the chain’s maintainers'],
  DelegateTakeTooLow: ['the delegate take is below the least', 'use a larger take'],
  DelegateTakeTooHigh: ['the delegate take is above the most', 'use a smaller take'],
  EvmKeyAssociateRateLimitExceeded: ['EVM keys are associated too fast', WAIT_FOR_LIMIT],
  AdminActionProhibitedDuringWeightsWindow: ['an epoch is about to start: settings are frozen', 'wait for its end'],
  // Axons.
  InvalidIpType: ['the address is neither IPv4 nor IPv6', REPORT],
  InvalidIpAddress: [
    'the address is one that the chain refuses, such as 127.0.0.1',
    'set axon.external_ip to a public one',
  ],
  InvalidPort: ['the port is 0', 'set axon.external_port to 1 to 65535'],
  ServingRateLimitExceeded: ['the axon changed a short while ago', WAIT_FOR_LIMIT],
  // Weights.
  SettingWeightsTooFast: ['weights were set (or the hotkey registered) a short while ago', WAIT_FOR_LIMIT],
  CommittingWeightsTooFast: ['weights were committed (or the hotkey registered) a short while ago', WAIT_FOR_LIMIT],
  NotEnoughStakeToSetWeights: ['the hotkey’s stake is below the chain’s threshold for weights', 'stake more to it'],
  NeuronNoValidatorPermit: [
    'the hotkey has no validator permit, so it may set weights only for itself',
    'stake more to it and wait for the next epoch',
  ],
  IncorrectWeightVersionKey: ['the subnet asks for a newer version of its validators', UPDATE],
  WeightVecNotEqualSize: ['there are not as many weights as uids', REPORT],
  DuplicateUids: ['a uid is there twice', REPORT],
  UidVecContainInvalidOne: ['a uid is of no neuron (any more)', 'read the metagraph again and try again'],
  UidsLengthExceedUidsInSubNet: ['there are more uids than neurons', 'read the metagraph again and try again'],
  WeightVecLengthIsLow: ['there are fewer weights than the subnet’s minimum', REPORT],
  MaxWeightExceeded: ['one weight is above the share that the subnet allows', 'score more hotkeys'],
  CanNotSetRootNetworkWeights: ['netuid 0 takes no weights', CHECK_NETUID],
  CommitRevealEnabled: ['the subnet takes weights by commit-reveal only', 'try again: the form is chosen anew'],
  CommitRevealDisabled: ['the subnet takes weights in the open only', 'try again: the form is chosen anew'],
  TooManyUnrevealedCommits: ['ten commits of the hotkey wait for their reveal', 'wait for the next epoch'],
  NoWeightsCommitFound: ['there is no such commit: never included, revealed already, or expired', 'commit again'],
  InvalidRevealCommitHashNotMatch: ['what was revealed is not what was committed', 'commit again'],
  ExpiredWeightCommit: ['the epoch for the reveal is over', 'commit again, and keep the validator running'],
  RevealTooEarly: ['the epoch for the reveal has not begun', WAIT],
  InvalidRevealRound: ['the drand round is over already', 'try again: the round is chosen anew; check the clock'],
  IncorrectCommitRevealVersion: ['the chain wants another version of timelocked commits', UPDATE],
  InputLengthsUnequal: ['the lists of a batch differ in length', REPORT],
  // Commitments.
  AccountNotAllowedCommit: ['the hotkey is not registered on this subnet, or no longer', REGISTER],
  TooManyFieldsInCommitmentInfo: ['a commitment has at most 3 fields', REPORT],
  SpaceLimitExceeded: ['the hotkey has used up its space for commitments in this epoch', 'wait for the next epoch'],
  UnexpectedUnreserveLeftover: ['a deposit of an earlier commitment is missing', 'turn to the chain’s maintainers'],
  // Balances and dispatch.
  FundsUnavailable: ['the account holds too little', FUND],
  Token: ['the account holds too little, or would fall below the least balance', FUND],
  Expendability: ['the account would fall below the least balance', 'send less'],
  ExistentialDeposit: ['the amount is too small to open the account', 'send more'],
  LiquidityRestrictions: ['the TAO is locked', 'wait until it is free'],
  BadOrigin: ['the signer may not make this call', 'sign with the right key'],
  CallFiltered: ['the chain has this call switched off', WAIT],
  Exhausted: ['the block is full', WAIT],
  // The pool and the transaction itself.
  Payment: ['the signer cannot pay the fee', FUND],
  Stale: ['the nonce is used already', WAIT],
  Future: ['an earlier transaction of the account is missing', WAIT],
  BadProof: ['the signature is bad, or made for another version of the runtime', WAIT],
  AncientBirthBlock: ['the transaction is too old', WAIT],
  ExhaustsResources: ['the block is full', WAIT],
  BadSigner: ['the signer’s address is not valid', 'use another key'],
  Call: ['the chain does not take this call now', WAIT],
  InvalidTransaction: ['the node says no more', 'read the node’s log'],
  UnknownValidity: ['the node cannot tell whether it is valid', WAIT],
  TemporarilyBanned: [
    'the pool keeps a recently refused transaction out',
    'wait half an hour, or give another endpoint',
  ],
  AlreadyImported: ['the pool has the transaction already', 'wait until it is in a block'],
  PriorityTooLow: ['another transaction of the account has this nonce', 'wait until that one is in a block'],
  CycleDetected: ['transactions of the account depend on each other', WAIT],
  ImmediatelyDropped: ['the pool is full', 'wait, or give another endpoint'],
  InvalidRealAccount: ['the proxied account is wrong', REPORT],
  FailedShieldedTxParsing: ['the shielded transaction cannot be read', REPORT],
  InvalidShieldedTxPubKeyHash: ['the shielded transaction is for another key', WAIT],
  BadRequest: ['the pool refuses the call and names no reason', 'check netuid, address and balance'],
};

/**
 * `Name: meaning; what to do`. A name that is not in the table is told in the metadata's own words.
 * @param docs of the error in the metadata.
 */
export function explainRefusal(name: string, docs = ''): string {
  const { meaning, remedy } = refusalOf(name, docs);
  return `${name}: ${meaning}; ${remedy}`;
}

/** Whether the table has its own words for a name. */
export function isExplained(name: string): boolean {
  return Object.hasOwn(REFUSALS, name) || Object.hasOwn(RARE_REFUSALS, name);
}

/** Meaning and remedy of a refusal. */
export function refusalOf(name: string, docs = ''): Refusal {
  const known = isExplained(name) ? (REFUSALS[name] ?? RARE_REFUSALS[name]) : undefined;
  if (known) return { meaning: known[0], remedy: known[1] };
  const words = docs.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '').slice(0, 160);
  return { meaning: words || 'the runtime gives no reason', remedy: 'look the name up in the chain’s documentation' };
}
