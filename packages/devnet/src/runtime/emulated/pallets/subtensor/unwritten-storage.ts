import { defineStorage, map, optionalMap, perSubnet, plain } from '../../storage.ts';

const account = [['Blake2_128Concat', 'AccountId32']] as const;
const hotkeyOnSubnet = [
  ['Blake2_128Concat', 'AccountId32'],
  ['Identity', 'u16'],
] as const;

const subnetHotkey = [
  ['Identity', 'u16'],
  ['Blake2_128Concat', 'AccountId32'],
] as const;

/**
 * Items that the Python SDK and btcli read on every use (spec 424). No emulated call writes them, so they say what is
 * true here: nobody has an identity, children, an auto-stake target, locked stake or a coldkey swap under way.
 */
export const unwritten = defineStorage('SubtensorModule', {
  IdentitiesV2: optionalMap(account, 'ChainIdentityV2'),
  SubnetIdentitiesV3: optionalMap([['Blake2_128Concat', 'u16']], 'SubnetIdentityV3'),
  ChildKeys: map(hotkeyOnSubnet, 'Vec<(u64, AccountId32)>', []),
  ParentKeys: map(hotkeyOnSubnet, 'Vec<(u64, AccountId32)>', []),
  MinDelegateTake: plain('u16', 0),
  MaxDelegateTake: plain('u16', 11_796),
  AutoStakeDestination: optionalMap(hotkeyOnSubnet, 'AccountId32'),
  RootClaimType: map(account, 'RootClaimTypeEnum', { kind: 'Swap', value: [] }),
  Lock: optionalMap([...account, ['Identity', 'u16'], ...account], 'LockState'),
  HotkeyLock: optionalMap(subnetHotkey, 'LockState'),
  DecayingHotkeyLock: optionalMap(subnetHotkey, 'LockState'),
  OwnerLock: optionalMap([['Identity', 'u16']], 'LockState'),
  DecayingOwnerLock: optionalMap([['Identity', 'u16']], 'LockState'),
  DecayingLock: optionalMap(hotkeyOnSubnet, 'bool'),
  /** Blocks. */
  MaturityRate: plain('u64', 934_866n),
  UnlockRate: plain('u64', 934_866n),
  ColdkeySwapAnnouncements: optionalMap([['Twox64Concat', 'AccountId32']], '(u32, H256)'),
  ColdkeySwapDisputes: optionalMap([['Twox64Concat', 'AccountId32']], 'u32'),
  /** (last block, RAO per block as I64F64, which is laid out as I96F32 is). */
  SubnetEmaTaoFlow: optionalMap([['Identity', 'u16']], '(u64, I96F32)'),
  MechanismEmissionSplit: optionalMap([['Twox64Concat', 'u16']], 'Vec<u16>'),
  TransferToggle: perSubnet('bool', true),
  OwnerCutEnabled: perSubnet('bool', true),
  OwnerCutAutoLockEnabled: perSubnet('bool', false),
  MinChildkeyTake: plain('u16', 0),
});

/**
 * Not in spec 424: bittensor 11 reads them, whatever the chain's version, before it sets weights or quotes a registration.
 * They say what 424 does anyway: every subnet runs Yuma consensus, and a registration locks no collateral.
 */
export const newer = defineStorage('SubtensorModule', {
  SubnetEpochConsensus: perSubnet('EpochConsensus', { kind: 'Yuma', value: [] }),
  CollateralLockShare: perSubnet('u16', 0),
});
