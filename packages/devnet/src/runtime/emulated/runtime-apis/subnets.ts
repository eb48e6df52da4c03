import type { RuntimeState } from '../../runtime.ts';
import type { RuntimeApi, RuntimeApiMethod } from '../metadata/runtime-api.ts';
import { nextEpochStart } from '../pallets/subtensor/epoch-schedule.ts';
import { networkLockCost } from '../pallets/subtensor/networks.ts';
import { systemStorage } from '../pallets/system.ts';
import { KeptColumns } from './kept-columns.ts';
import { metagraphMethods } from './metagraphs.ts';
import { subnetInfoMethods } from './subnet-info.ts';
import { netuids } from './subnet-list.ts';
import { neurons } from './subnet-view.ts';

/** RAO per alpha: without pools always one TAO. */
const PRICE = 1_000_000_000n;

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

/** Swaps at PRICE, without fee or slippage. */
function swapMethods(): Record<string, RuntimeApiMethod> {
  const simulate = (_state: RuntimeState, [, amount]: readonly unknown[]) => ({
    tao_amount: amount,
    alpha_amount: amount,
    tao_fee: 0n,
    alpha_fee: 0n,
    tao_slippage: 0n,
    alpha_slippage: 0n,
  });
  return {
    current_alpha_price: { inputs: { netuid: 'u16' }, output: 'u64', run: () => PRICE },
    current_alpha_price_all: {
      inputs: {},
      output: 'Vec<SubnetPrice>',
      run: (state) => netuids(state).map((netuid) => ({ netuid, price: PRICE })),
    },
    sim_swap_tao_for_alpha: { inputs: { netuid: 'u16', tao: 'u64' }, output: 'SimSwapResult', run: simulate },
    sim_swap_alpha_for_tao: { inputs: { netuid: 'u16', alpha: 'u64' }, output: 'SimSwapResult', run: simulate },
  };
}

export function subnetApis(): RuntimeApi[] {
  const kept = new KeptColumns();
  return [
    { name: 'NeuronInfoRuntimeApi', version: 1, methods: neuronMethods() },
    {
      name: 'SubnetInfoRuntimeApi',
      version: 2,
      methods: {
        ...subnetInfoMethods(kept),
        ...metagraphMethods(kept),
        get_next_epoch_start_block: {
          inputs: { netuid: 'u16' },
          output: 'Option<u64>',
          run: (state, [netuid]) => nextEpochStart(state, netuid as number),
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
    { name: 'SwapRuntimeApi', version: 1, methods: swapMethods() },
  ];
}
