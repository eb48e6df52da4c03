import { type Args, call, level, type Step, type Write } from './scenario.ts';

/** The subnet that `freshSubnet` makes: the first that is free on every runtime. */
export const NETUID = 2;

/** Hyperparameters of a subnet by the names of their storage items; the same wherever a scenario starts. */
const HYPERPARAMETERS = {
  /** No epoch comes before a scenario asks for one, and the first lasts all along. */
  Tempo: 65_535,
  MaxAllowedUids: 256,
  MaxAllowedValidators: 64,
  MinAllowedWeights: 1,
  MaxWeightsLimit: 65_535,
  ImmunityPeriod: 5000,
  ActivityCutoff: 5000,
  Kappa: 32_767,
  Burn: 1_000_000_000,
  MinBurn: 500_000,
  MaxBurn: 100_000_000_000,
  CommitRevealWeightsEnabled: false,
  WeightsSetRateLimit: 0,
  WeightsVersionKey: 0,
  ServingRateLimit: 50,
  NetworkRegistrationAllowed: true,
  /** What limits registrations at 293 only. */
  TargetRegistrationsPerInterval: 1000,
  MaxRegistrationsPerBlock: 1000,
  AdjustmentInterval: 10_000,
} as const;

const SCENE = { sceneOnly: true } as const;

export type Hyperparameters = Partial<Record<keyof typeof HYPERPARAMETERS, unknown>> & Args;

/**
 * Subnet 2, owned by @Alice with @Alice/hot as uid 0, with the same hyperparameters at every spec; no admin freeze, no limit
 * to networks. `hyperparameters` are written on top, by the names of their storage items.
 */
export function freshSubnet(hyperparameters: Hyperparameters = {}): Step[] {
  const writes: Write[] = Object.entries({ ...HYPERPARAMETERS, ...hyperparameters }).map(([item, value]) => [
    [`SubtensorModule.${item}`, NETUID],
    value,
  ]);
  return [
    level('no limits to networks, no admin freeze', [
      [['SubtensorModule.NetworkRateLimit'], 0],
      [['SubtensorModule.AdminFreezeWindow'], 0],
      [['SubtensorModule.StartCallDelay'], 0],
    ]),
    call('the subnet is registered', '@Alice', 'SubtensorModule.register_network', { hotkey: '@Alice/hot' }, SCENE),
    level('hyperparameters alike at every spec', writes),
  ];
}

/** Neurons with the uids 1, 2, …: '@Bob' registers '@Bob/hot', and so on. The burn stays low. */
export function neurons(...names: string[]): Step[] {
  return names.map((name) =>
    call(
      `${name} registers a hotkey`,
      name,
      'SubtensorModule.burned_register',
      { netuid: NETUID, hotkey: `${name}/hot` },
      SCENE,
    ),
  );
}

/** Free balance of RAO, for accounts that are not rich at genesis everywhere (only @Alice, @Bob and @Charlie are). */
export function fund(rao: number | bigint, ...names: string[]): Step[] {
  return names.map((name) =>
    call(`${name} is given ${rao} RAO`, '@Alice', 'Balances.transfer_keep_alive', { dest: name, value: rao }, SCENE),
  );
}
