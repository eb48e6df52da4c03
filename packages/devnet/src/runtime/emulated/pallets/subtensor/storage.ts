import { defineStorage, map, optionalMap, perSubnet, plain } from '../../storage.ts';
import { ZERO_HASH } from '../system.ts';

const ZERO_ACCOUNT = ZERO_HASH;

/** First key of weights-like maps: NetUidStorageIndex = mechanism * 4096 + netuid; we run mechanism 0 only. */
const perUid = [
  ['Identity', 'u16'],
  ['Identity', 'u16'],
] as const;
const perHotkey = [
  ['Identity', 'u16'],
  ['Blake2_128Concat', 'AccountId32'],
] as const;
const account = [['Blake2_128Concat', 'AccountId32']] as const;
const hotkeyOnSubnet = [
  ['Blake2_128Concat', 'AccountId32'],
  ['Identity', 'u16'],
] as const;

/** Names, hashers, types and defaults are those of spec 424. */
export const subtensor = defineStorage('SubtensorModule', {
  AdminFreezeWindow: plain('u16', 10),
  TaoWeight: plain('u64', 971_718_665_099_567_868n),
  BlockEmission: plain('u64', 1_000_000_000n),
  SubnetLimit: plain('u16', 128),
  TotalIssuance: plain('u64', 0n),
  TotalStake: plain('u64', 0n),
  TotalNetworks: plain('u16', 0),
  NetworkImmunityPeriod: plain('u64', 1_296_000n),
  StartCallDelay: plain('u64', 0n),
  NetworkMinLockCost: plain('u64', 1_000_000_000_000n),
  NetworkLastLockCost: plain('u64', 1_000_000_000_000n),
  NetworkLockReductionInterval: plain('u64', 100_800n),
  SubnetOwnerCut: plain('u16', 11_796),
  NetworkRateLimit: plain('u64', 7200n),
  TxRateLimit: plain('u64', 1000n),
  StakeThreshold: plain('u64', 0n),
  CommitRevealWeightsVersion: plain('u16', 4),
  NetworkRegistrationStartBlock: plain('u64', 0n),
  MaxEpochsPerBlock: plain('u8', 2),
  /** Key: RateLimitKey, Identity; only NetworkLastRegistered (one byte, 2) is used here. */
  LastRateLimitedBlock: map([['Identity', 'RateLimitKey']], 'u64', 0n),

  Owner: map(account, 'AccountId32', ZERO_ACCOUNT),
  OwnedHotkeys: map(account, 'Vec<AccountId32>', []),
  StakingHotkeys: map(account, 'Vec<AccountId32>', []),
  Delegates: map(account, 'u16', 11_796),
  IsNetworkMember: map(hotkeyOnSubnet, 'bool', false),
  TotalHotkeyAlpha: map(hotkeyOnSubnet, 'u64', 0n),
  TotalHotkeyShares: map(hotkeyOnSubnet, 'U64F64', { bits: 0n }),
  Alpha: map(
    [
      ['Blake2_128Concat', 'AccountId32'],
      ['Blake2_128Concat', 'AccountId32'],
      ['Identity', 'u16'],
    ],
    'U64F64',
    { bits: 0n },
  ),

  NetworksAdded: perSubnet('bool', false),
  SubnetworkN: perSubnet('u16', 0),
  SubnetMechanism: perSubnet('u16', 0),
  SubnetOwner: perSubnet('AccountId32', ZERO_ACCOUNT),
  SubnetOwnerHotkey: perSubnet('AccountId32', ZERO_ACCOUNT),
  TokenSymbol: perSubnet('Bytes', new TextEncoder().encode('\u{1d70f}')),
  NetworkRegisteredAt: perSubnet('u64', 0n),
  NetworkRegistrationAllowed: perSubnet('bool', true),
  NetworkPowRegistrationAllowed: perSubnet('bool', true),
  SubtokenEnabled: perSubnet('bool', false),
  SubnetEmissionEnabled: perSubnet('bool', true),
  FirstEmissionBlockNumber: optionalMap([['Identity', 'u16']], 'u64'),
  RecycleOrBurn: perSubnet('RecycleOrBurnEnum', { kind: 'Burn', value: [] }),
  SubnetTAO: perSubnet('u64', 0n),
  SubnetAlphaIn: perSubnet('u64', 0n),
  SubnetAlphaOut: perSubnet('u64', 0n),
  SubnetLocked: perSubnet('u64', 0n),

  Burn: perSubnet('u64', 100_000_000n),
  MinBurn: perSubnet('u64', 500_000n),
  MaxBurn: perSubnet('u64', 100_000_000_000n),
  BurnHalfLife: perSubnet('u16', 360),
  /** 1.26 as U64F64. */
  BurnIncreaseMult: perSubnet('U64F64', { bits: 0x1_428f_5c28_f5c2_9000n }),
  RAORecycledForRegistration: perSubnet('u64', 0n),
  Difficulty: perSubnet('u64', 10_000_000n),
  MinDifficulty: perSubnet('u64', 10_000_000n),
  MaxDifficulty: perSubnet('u64', 4_611_686_018_427_387_903n),
  AdjustmentInterval: perSubnet('u16', 100),
  AdjustmentAlpha: perSubnet('u64', 0n),
  TargetRegistrationsPerInterval: perSubnet('u16', 2),
  MaxRegistrationsPerBlock: perSubnet('u16', 1),
  RegistrationsThisInterval: perSubnet('u16', 0),
  RegistrationsThisBlock: perSubnet('u16', 0),
  MinAllowedUids: perSubnet('u16', 64),
  MaxAllowedUids: perSubnet('u16', 256),
  MinNonImmuneUids: perSubnet('u16', 10),
  ImmuneOwnerUidsLimit: perSubnet('u16', 1),
  ImmunityPeriod: perSubnet('u16', 4096),

  MinAllowedWeights: perSubnet('u16', 1024),
  MaxWeightsLimit: perSubnet('u16', 65_535),
  WeightsVersionKey: perSubnet('u64', 0n),
  WeightsSetRateLimit: perSubnet('u64', 100n),
  ServingRateLimit: perSubnet('u64', 50n),
  CommitRevealWeightsEnabled: perSubnet('bool', true),
  /** (hash, commit epoch, commit block, 0), oldest first. */
  WeightCommits: optionalMap(
    [
      ['Twox64Concat', 'u16'],
      ['Twox64Concat', 'AccountId32'],
    ],
    'Vec<(H256, u64, u64, u64)>',
  ),
  /** By commit epoch: (who, commit block, ciphertext, reveal round). */
  TimelockedWeightCommits: map(
    [
      ['Twox64Concat', 'u16'],
      ['Twox64Concat', 'u64'],
    ],
    'Vec<(AccountId32, u64, TimelockedCommit, u64)>',
    [],
  ),
  RevealPeriodEpochs: map([['Twox64Concat', 'u16']], 'u64', 1n),
  MechanismCountCurrent: map([['Twox64Concat', 'u16']], 'u8', 1),
  MaxAllowedValidators: perSubnet('u16', 128),
  ActivityCutoff: perSubnet('u16', 5000),
  ActivityCutoffFactorMilli: perSubnet('u32', 13_889),
  Rho: perSubnet('u16', 10),
  Kappa: perSubnet('u16', 32_767),
  BondsMovingAverage: perSubnet('u64', 900_000n),
  BondsPenalty: perSubnet('u16', 65_535),
  LiquidAlphaOn: map([['Blake2_128Concat', 'u16']], 'bool', false),
  Yuma3On: map([['Blake2_128Concat', 'u16']], 'bool', false),
  BondsResetOn: perSubnet('bool', false),
  AlphaSigmoidSteepness: perSubnet('i16', 1000),
  AlphaValues: perSubnet('(u16, u16)', [45_875, 58_982]),

  Tempo: perSubnet('u16', 360),
  LastEpochBlock: perSubnet('u64', 0n),
  PendingEpochAt: perSubnet('u64', 0n),
  SubnetEpochIndex: perSubnet('u64', 0n),
  BlocksSinceLastStep: perSubnet('u64', 0n),
  /** The name is spelt so on chain. */
  LastMechansimStepBlock: perSubnet('u64', 0n),
  PendingServerEmission: perSubnet('u64', 0n),
  PendingValidatorEmission: perSubnet('u64', 0n),
  PendingRootAlphaDivs: perSubnet('u64', 0n),
  PendingOwnerCut: perSubnet('u64', 0n),

  Active: perSubnet('Vec<bool>', []),
  ValidatorPermit: perSubnet('Vec<bool>', []),
  Consensus: perSubnet('Vec<u16>', []),
  Incentive: perSubnet('Vec<u16>', []),
  Dividends: perSubnet('Vec<u16>', []),
  ValidatorTrust: perSubnet('Vec<u16>', []),
  StakeWeight: perSubnet('Vec<u16>', []),
  Emission: perSubnet('Vec<u64>', []),
  LastUpdate: perSubnet('Vec<u64>', []),

  Keys: map(perUid, 'AccountId32', ZERO_ACCOUNT),
  Weights: map(perUid, 'Vec<(u16, u16)>', []),
  Bonds: map(perUid, 'Vec<(u16, u16)>', []),
  BlockAtRegistration: map(perUid, 'u64', 0n),
  Uids: optionalMap(perHotkey, 'u16'),
  Axons: optionalMap(perHotkey, 'AxonInfo'),
  NeuronCertificates: optionalMap(perHotkey, 'NeuronCertificate'),
  Prometheus: optionalMap(perHotkey, 'PrometheusInfo'),
});
