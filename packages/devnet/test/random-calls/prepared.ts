import type { Runtime } from '../../src/runtime/runtime.ts';
import type { Client } from '../conformance/client.ts';
import { type Args, inner, type Write } from '../conformance/scenario.ts';
import { DirectChain } from './direct-chain.ts';

/** Two subnets of @Alice's, alike at every spec. Netuids 0 (root) and 1 are as the genesis made them. */
export const NETUIDS = [2, 3] as const;
export const COLDKEYS = ['@Alice', '@Bob', '@Charlie', '@Dave'] as const;
/** The first hotkeys of Bob and Charlie are registered from the start, on subnet 2 or on both. */
export const HOTKEYS = ['@Alice/hot', '@Bob/hot', '@Charlie/hot', '@Bob/hot2', '@Dave/hot'] as const;
/** Blocks from one epoch to the next. */
const EPOCH_BLOCKS = 12;
/** The prepared state is that of this block, on every runtime. */
const FIRST_BLOCK = 40;
/** Root, the genesis' own subnet, and one that does not exist. */
const ELSEWHERE = [0, 1, 77];
const TAO = 1_000_000_000n;
/** Of Bob, Charlie and Dave; Alice is rich, hotkeys have nothing. */
const BALANCE = 5_000n * TAO;
const STAKE = 100n * TAO;

const HYPERPARAMETERS = {
  MaxAllowedUids: 6,
  MinAllowedUids: 1,
  MaxAllowedValidators: 3,
  MinAllowedWeights: 1,
  MaxWeightsLimit: 65_535,
  ImmunityPeriod: 4,
  MinNonImmuneUids: 0,
  ActivityCutoff: 5000,
  ActivityCutoffFactorMilli: 1_000_000,
  Kappa: 32_767,
  BondsMovingAverage: 900_000,
  BondsPenalty: 65_535,
  Yuma3On: true,
  LiquidAlphaOn: false,
  AlphaValues: [45_875, 58_982],
  AlphaSigmoidSteepness: 1000,
  AdjustmentAlpha: 0,
  Rho: 10,
  Difficulty: 10_000_000,
  MinDifficulty: 10_000_000,
  MaxDifficulty: 4_611_686_018_427_387_903n,
  /** The price stands still: 293 moves it by interval, 424 in every block. */
  Burn: TAO,
  MinBurn: TAO,
  MaxBurn: TAO,
  CommitRevealWeightsEnabled: false,
  RevealPeriodEpochs: 1,
  WeightsSetRateLimit: 0,
  WeightsVersionKey: 0,
  ServingRateLimit: 3,
  NetworkRegistrationAllowed: true,
  /** Limits of 293 only. */
  TargetRegistrationsPerInterval: 1000,
  MaxRegistrationsPerBlock: 1000,
  AdjustmentInterval: 60_000,
  /** Without a pool, where one alpha is one TAO, as the emulation has it everywhere. */
  SubnetMechanism: 0,
  SubtokenEnabled: true,
  /** 424 gives the owner's uid a permit and spares it from pruning; these subnets' owner hotkey has none. */
  SubnetOwnerHotkey: '@Nobody/hot',
  ImmuneOwnerUidsLimit: 0,
  /** No emission: its amounts hang on pools and prices. Epochs run all the same. */
  FirstEmissionBlockNumber: null,
  SubnetTAO: 100_000n * TAO,
  SubnetAlphaIn: 100_000n * TAO,
  SubnetAlphaOut: 100_000n * TAO,
} as const;

/** The chain that every sequence begins from. */
export function prepare(runtime: Runtime, client: Client): DirectChain {
  const chain = new DirectChain(runtime, client);
  const call = (by: string, name: string, args: Args) => chain.prepare({ by, call: name, args });
  chain.level([
    [['SubtensorModule.NetworkRateLimit'], 0],
    [['SubtensorModule.AdminFreezeWindow'], 0],
    [['SubtensorModule.TxRateLimit'], 0],
    [['SubtensorModule.StakeThreshold'], 0],
    ...ELSEWHERE.flatMap((netuid): Write[] => [
      // No epochs, no price that moves, the same defaults.
      [['SubtensorModule.Tempo', netuid], 65_535],
      [['SubtensorModule.LastEpochBlock', netuid], 0],
      [['SubtensorModule.MinAllowedUids', netuid], 1],
      [['SubtensorModule.AdjustmentInterval', netuid], 60_000],
      [['SubtensorModule.TargetRegistrationsPerInterval', netuid], 1000],
      [['SubtensorModule.MaxRegistrationsPerBlock', netuid], 1000],
      [['SubtensorModule.Burn', netuid], TAO],
      [['SubtensorModule.MinBurn', netuid], TAO],
      [['SubtensorModule.MaxBurn', netuid], TAO],
      [['SubtensorModule.CommitRevealWeightsEnabled', netuid], false],
      [['SubtensorModule.WeightsSetRateLimit', netuid], 0],
      [['SubtensorModule.SubtokenEnabled', netuid], true],
    ]),
  ]);
  // So late that the last epoch has a block to lie in.
  chain.emptyBlocks(EPOCH_BLOCKS);
  for (const hotkey of ['@Alice/hot', '@Alice/hot3']) {
    call('@Alice', 'SubtensorModule.register_network', { hotkey });
    chain.level([[['SubtensorModule.NetworkRateLimit'], 0]]);
  }
  chain.level(NETUIDS.flatMap((netuid) => [...hyperparameters(netuid), ...schedule(chain, netuid)]));
  const endow = () => {
    for (const who of ['@Bob', '@Charlie', '@Dave']) {
      call('@Alice', 'Sudo.sudo', { call: inner('Balances.force_set_balance', { who, new_free: BALANCE }) });
    }
  };
  endow();
  for (const [by, netuid] of [
    ['@Bob', 2],
    ['@Bob', 3],
    ['@Charlie', 2],
  ] as const) {
    call(by, 'SubtensorModule.burned_register', { netuid, hotkey: `${by}/hot` });
    call(by, 'SubtensorModule.add_stake', { netuid, hotkey: `${by}/hot`, amount_staked: STAKE });
  }
  // Once more, as fees are not alike.
  endow();
  chain.emptyBlocks(FIRST_BLOCK - chain.block);
  chain.level(NETUIDS.flatMap((netuid) => [...hyperparameters(netuid), ...schedule(chain, netuid)]));
  chain.level([
    [
      ['SubtensorModule.ValidatorPermit', 2],
      [false, true, true],
    ],
    [
      ['SubtensorModule.ValidatorPermit', 3],
      [false, true],
    ],
  ]);
  return chain;
}

function hyperparameters(netuid: number): Write[] {
  return Object.entries(HYPERPARAMETERS).map(([item, value]) => [[`SubtensorModule.${item}`, netuid], value]);
}

/** Whether the epoch of either subnet fires in a block: the last of so many, as 293 counts them. */
export function epochFires(block: number): boolean {
  return NETUIDS.some((netuid) => (block + netuid + 2) % EPOCH_BLOCKS === 0);
}

/** The same epochs on both: 293 goes by the block number and tempo + 1, 424 by the last epoch and tempo. */
function schedule(chain: DirectChain, netuid: number): Write[] {
  const at = chain.block + netuid + 2;
  const since = at % EPOCH_BLOCKS;
  const byLastEpoch = chain.client.key(['SubtensorModule.LastEpochBlock', netuid]) !== undefined;
  return [
    [['SubtensorModule.Tempo', netuid], byLastEpoch ? EPOCH_BLOCKS : EPOCH_BLOCKS - 1],
    [['SubtensorModule.LastEpochBlock', netuid], chain.block - since],
    [['SubtensorModule.PendingEpochAt', netuid], 0],
    [['SubtensorModule.SubnetEpochIndex', netuid], Math.floor(at / EPOCH_BLOCKS)],
    [['SubtensorModule.BlocksSinceLastStep', netuid], since],
  ];
}
