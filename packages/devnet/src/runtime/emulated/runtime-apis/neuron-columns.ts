import { EncodedList } from '../../../scale/codec.ts';
import type { RuntimeState } from '../../runtime.ts';
import { stakeWeightOf } from '../pallets/subtensor/neurons.ts';
import { subtensor as s } from '../pallets/subtensor/storage.ts';
import { scaleCodecs } from '../scale-types.ts';
import type { AnyStorageItem } from '../storage.ts';
import type { KeptColumns } from './kept-columns.ts';

const NOBODY = new Uint8Array(32);
const NO_AXON = scaleCodecs.encode('AxonInfo', {
  block: 0n,
  version: 0,
  ip: 0n,
  port: 0,
  ip_type: 0,
  protocol: 0,
  placeholder1: 0,
  placeholder2: 0,
});

/** The columns of a metagraph that take a storage read per neuron, under the names of rpc_info/metagraph.rs. */
export function neuronColumns(
  state: RuntimeState,
  netuid: number,
  kept: KeptColumns,
): { hotkeys: () => readonly string[]; columns: Record<string, () => EncodedList> } {
  const uids = [s.SubnetworkN.key(netuid), s.Keys.prefix(netuid)];
  const keep = <T>(name: string, prefixes: readonly string[], compute: () => T): T =>
    kept.get(state, `${netuid} ${name}`, [...uids, ...prefixes], compute);
  const hotkeys = () =>
    keep('keys', [], () =>
      Array.from({ length: s.SubnetworkN.get(state, netuid) }, (_, uid) => s.Keys.get(state, netuid, uid)),
    );
  /** Stored as the column has it, in always as many bytes as `absent` has. */
  const stored =
    (name: string, absent: Uint8Array, item: AnyStorageItem, keys: readonly unknown[] = []) =>
    () =>
      keep(name, [item.prefix(...keys)], () =>
        EncodedList.of(
          hotkeys().map((hotkey) => {
            const bytes = item.raw(state, ...keys, hotkey) ?? absent;
            // Bytes of another length are no such value: reading them says so.
            if (bytes.length !== absent.length) item.get(state, ...keys, hotkey);
            return bytes;
          }),
        ),
      );
  const numbers = (name: string, prefixes: readonly string[], read: (hotkey: string, uid: number) => bigint) => () =>
    keep(name, prefixes, () => new EncodedList(scaleCodecs.encode('Vec<Compact<u64>>', hotkeys().map(read))));
  const stakes = [s.TotalHotkeyAlpha.prefix()];
  const weights = [...stakes, s.TaoWeight.key()];
  return {
    hotkeys,
    columns: {
      hotkeys: () => keep('hotkeys', [], () => new EncodedList(scaleCodecs.encode('Vec<AccountId32>', hotkeys()))),
      coldkeys: stored('coldkeys', NOBODY, s.Owner),
      axons: stored('axons', NO_AXON, s.Axons, [netuid]),
      block_at_registration: numbers('registered', [s.BlockAtRegistration.prefix(netuid)], (_, uid) =>
        s.BlockAtRegistration.get(state, netuid, uid),
      ),
      alpha_stake: numbers('alpha stake', stakes, (hotkey) => s.TotalHotkeyAlpha.get(state, hotkey, netuid)),
      tao_stake: numbers('tao stake', weights, (hotkey) => stakeWeightOf(state, hotkey, 0)),
      total_stake: numbers('total stake', weights, (hotkey) => stakeWeightOf(state, hotkey, netuid)),
    },
  };
}
