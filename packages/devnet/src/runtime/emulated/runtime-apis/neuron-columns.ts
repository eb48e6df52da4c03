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

interface PerSubnet<T> {
  readonly name: string;
  key(netuid: number): string;
  get(state: RuntimeState, netuid: number): T[];
}

/** The columns of a metagraph that have a value per neuron, under the names of rpc_info/metagraph.rs. */
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
  /** One list in storage, which may be shorter: an epoch makes it whole. */
  const padded = <T>(item: PerSubnet<T>, element: string, absent: T) => {
    const [name, key] = [item.name, item.key(netuid)];
    return () =>
      keep(name, [key], () => {
        const column = item.get(state, netuid);
        return new EncodedList(
          scaleCodecs.encode(
            `Vec<${element}>`,
            hotkeys().map((_, uid) => column[uid] ?? absent),
          ),
        );
      });
  };
  /** What the chain no longer computes. */
  const constant = (element: string, value: unknown) => () =>
    keep(`${element} ${value}`, [], () => {
      const item = scaleCodecs.encode(element, value);
      return EncodedList.of(hotkeys().map(() => item));
    });
  const stakes = [s.TotalHotkeyAlpha.prefix()];
  const weights = [...stakes, s.TaoWeight.key()];
  return {
    hotkeys,
    columns: {
      hotkeys: () => keep('hotkeys', [], () => new EncodedList(scaleCodecs.encode('Vec<AccountId32>', hotkeys()))),
      coldkeys: stored('coldkeys', NOBODY, s.Owner),
      axons: stored('axons', NO_AXON, s.Axons, [netuid]),
      identities: constant('Option<ChainIdentityV2>', undefined),
      active: padded(s.Active, 'bool', false),
      validator_permit: padded(s.ValidatorPermit, 'bool', false),
      pruning_score: constant('Compact<u16>', 65_535),
      last_update: padded(s.LastUpdate, 'Compact<u64>', 0n),
      emission: padded(s.Emission, 'Compact<u64>', 0n),
      dividends: padded(s.Dividends, 'Compact<u16>', 0),
      incentives: padded(s.Incentive, 'Compact<u16>', 0),
      consensus: padded(s.Consensus, 'Compact<u16>', 0),
      trust: constant('Compact<u16>', 0),
      rank: constant('Compact<u16>', 0),
      block_at_registration: numbers('registered', [s.BlockAtRegistration.prefix(netuid)], (_, uid) =>
        s.BlockAtRegistration.get(state, netuid, uid),
      ),
      alpha_stake: numbers('alpha stake', stakes, (hotkey) => s.TotalHotkeyAlpha.get(state, hotkey, netuid)),
      tao_stake: numbers('tao stake', weights, (hotkey) => stakeWeightOf(state, hotkey, 0)),
      total_stake: numbers('total stake', weights, (hotkey) => stakeWeightOf(state, hotkey, netuid)),
    },
  };
}
