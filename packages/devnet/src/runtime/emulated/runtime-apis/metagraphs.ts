import type { RuntimeState } from '../../runtime.ts';
import type { RuntimeApiMethod } from '../metadata/runtime-api.ts';
import type { KeptColumns } from './kept-columns.ts';
import { netuids } from './subnet-list.ts';
import { metagraph, metagraphColumns } from './subnet-view.ts';
import { METAGRAPH_COLUMNS, SELECTIVE_COLUMNS } from './types.ts';

const SELECTABLE = ['netuid', ...Object.keys(METAGRAPH_COLUMNS), ...Object.keys(SELECTIVE_COLUMNS)];

/** Only the asked columns are present; netuid always is, but as 0 unless it is asked for (merge_value in rpc_info/metagraph.rs). */
function selective(state: RuntimeState, netuid: number, indices: readonly number[], kept: KeptColumns): unknown {
  const columns = metagraphColumns(state, netuid, kept);
  if (!columns) return undefined;
  const picked: Record<string, unknown> = { netuid: 0 };
  for (const index of indices) {
    const name = SELECTABLE[index];
    // A column that is asked for and has no value is Some(None).
    if (name !== undefined) picked[name] = columns[name]?.() ?? null;
  }
  return picked;
}

/** The metagraph methods of SubnetInfoRuntimeApi; a subnet's only mechanism here is 0. */
export function metagraphMethods(kept: KeptColumns): Record<string, RuntimeApiMethod> {
  const all = (state: RuntimeState) => netuids(state).map((netuid) => metagraph(state, netuid, kept));
  return {
    get_all_metagraphs: { inputs: {}, output: 'Vec<Option<Metagraph>>', run: all },
    get_metagraph: {
      inputs: { netuid: 'u16' },
      output: 'Option<Metagraph>',
      run: (state, [netuid]) => metagraph(state, netuid as number, kept),
    },
    get_all_mechagraphs: { inputs: {}, output: 'Vec<Option<Metagraph>>', run: all },
    get_mechagraph: {
      inputs: { netuid: 'u16', mecid: 'u8' },
      output: 'Option<Metagraph>',
      run: (state, [netuid, mechanism]) => (mechanism === 0 ? metagraph(state, netuid as number, kept) : undefined),
    },
    get_selective_metagraph: {
      inputs: { netuid: 'u16', metagraph_indexes: 'Vec<u16>' },
      output: 'Option<SelectiveMetagraph>',
      run: (state, [netuid, indices]) => selective(state, netuid as number, indices as number[], kept),
    },
    get_selective_mechagraph: {
      inputs: { netuid: 'u16', subid: 'u8', metagraph_indexes: 'Vec<u16>' },
      output: 'Option<SelectiveMetagraph>',
      run: (state, [netuid, mechanism, indices]) =>
        mechanism === 0 ? selective(state, netuid as number, indices as number[], kept) : undefined,
    },
  };
}
