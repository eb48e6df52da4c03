import type { RuntimeState } from '../../runtime.ts';
import type { RuntimeApi, RuntimeApiMethod } from '../metadata/runtime-api.ts';
import { nextEpochStart } from '../pallets/subtensor/epoch-schedule.ts';
import { networkLockCost } from '../pallets/subtensor/networks.ts';
import { subnetExists } from '../pallets/subtensor/neurons.ts';
import { stakeOf } from '../pallets/subtensor/staking.ts';
import { subtensor as s } from '../pallets/subtensor/storage.ts';
import { systemStorage } from '../pallets/system.ts';
import { hyperparams, metagraph, neurons } from './subnet-view.ts';
import { METAGRAPH_COLUMNS, SELECTIVE_COLUMNS } from './types.ts';

const SELECTABLE = ['netuid', ...Object.keys(METAGRAPH_COLUMNS), ...Object.keys(SELECTIVE_COLUMNS)];

function neuronMethods(): Record<string, RuntimeApiMethod> {
  const list = (state: RuntimeState, [netuid]: readonly unknown[]) => neurons(state, netuid as number);
  const one = (state: RuntimeState, [netuid, uid]: readonly unknown[]) =>
    neurons(state, netuid as number)[uid as number];
  return {
    get_neurons: { inputs: { netuid: 'u16' }, output: 'Vec<NeuronInfo>', run: list },
    get_neuron: { inputs: { netuid: 'u16', uid: 'u16' }, output: 'Option<NeuronInfo>', run: one },
    get_neurons_lite: { inputs: { netuid: 'u16' }, output: 'Vec<NeuronInfoLite>', run: list },
    get_neuron_lite: { inputs: { netuid: 'u16', uid: 'u16' }, output: 'Option<NeuronInfoLite>', run: one },
  };
}

/** Only the asked columns are present; netuid always is. */
function selective(state: RuntimeState, [netuid, indices]: readonly unknown[]): unknown {
  const whole = metagraph(state, netuid as number);
  if (!whole) return undefined;
  const picked: Record<string, unknown> = { netuid };
  for (const index of indices as number[]) {
    const name = SELECTABLE[index];
    // A column that is asked for and has no value is Some(None).
    if (name !== undefined) picked[name] = whole[name] === undefined ? null : whole[name];
  }
  return picked;
}

function subnetMethods(): Record<string, RuntimeApiMethod> {
  return {
    get_subnet_hyperparams: {
      inputs: { netuid: 'u16' },
      output: 'Option<SubnetHyperparams>',
      run: (state, [netuid]) =>
        subnetExists(state, netuid as number) ? hyperparams(state, netuid as number) : undefined,
    },
    get_metagraph: {
      inputs: { netuid: 'u16' },
      output: 'Option<Metagraph>',
      run: (state, [netuid]) => metagraph(state, netuid as number),
    },
    get_selective_metagraph: {
      inputs: { netuid: 'u16', metagraph_indexes: 'Vec<u16>' },
      output: 'Option<SelectiveMetagraph>',
      run: selective,
    },
    get_next_epoch_start_block: {
      inputs: { netuid: 'u16' },
      output: 'Option<u64>',
      run: (state, [netuid]) => nextEpochStart(state, netuid as number),
    },
  };
}

/** Every subnet on which `coldkey` has stake with one of its staking hotkeys. */
function stakes(state: RuntimeState, coldkey: string): unknown[] {
  const rows: unknown[] = [];
  const hotkeys = new Set([...s.StakingHotkeys.get(state, coldkey), ...s.OwnedHotkeys.get(state, coldkey)]);
  for (const hotkey of hotkeys) {
    for (let netuid = 0; netuid < s.TotalNetworks.get(state); netuid++) {
      const stake = stakeOf(state, hotkey, coldkey, netuid);
      if (stake === 0n) continue;
      const is_registered = s.Uids.has(state, netuid, hotkey);
      const none = { locked: 0n, emission: 0n, tao_emission: 0n, drain: 0n };
      rows.push({ hotkey, coldkey, netuid, stake, ...none, is_registered });
    }
  }
  return rows;
}

export function subnetApis(): RuntimeApi[] {
  return [
    { name: 'NeuronInfoRuntimeApi', version: 1, methods: neuronMethods() },
    { name: 'SubnetInfoRuntimeApi', version: 2, methods: subnetMethods() },
    {
      name: 'StakeInfoRuntimeApi',
      version: 1,
      methods: {
        get_stake_info_for_coldkey: {
          inputs: { coldkey_account: 'AccountId32' },
          output: 'Vec<StakeInfo>',
          run: (state, [coldkey]) => stakes(state, coldkey as string),
        },
      },
    },
    {
      name: 'SubnetRegistrationRuntimeApi',
      version: 1,
      methods: {
        get_network_registration_cost: {
          inputs: {},
          output: 'u64',
          run: (state) => networkLockCost(state, systemStorage.Number.get(state)),
        },
      },
    },
    {
      name: 'SwapRuntimeApi',
      version: 1,
      methods: {
        /** RAO per alpha; without pools always one TAO. */
        current_alpha_price: { inputs: { netuid: 'u16' }, output: 'u64', run: () => 1_000_000_000n },
      },
    },
  ];
}
