import { z } from 'zod';
import { type Axon, axonRow, certificateRow, peerKeyOf } from './axon.ts';
import type { BlockRef } from './block-ref.ts';
import type { ChainState } from './chain-state.ts';
import { account, uint } from './chain-values.ts';
import { readInheritedStakes } from './inherited-stake.ts';

export type { Axon } from './axon.ts';

export interface Neuron {
  uid: number;
  /** SS58. */
  hotkey: string;
  /** SS58. */
  coldkey: string;
  axon: Axon | undefined;
  /** 32-byte ed25519 key of the libp2p identity, from NeuronCertificates with algorithm 0xED. */
  peerKey: Uint8Array | undefined;
  /** The stored permit, or the hotkey of the subnet's owner: the chain treats that one as permitted from the start. */
  validatorPermit: boolean;
  /** Alpha stake that counts for the hotkey on this subnet, RAO: with what it holds of parent hotkeys, without what its children hold. */
  stake: bigint;
  /** Block of the last weight set (or of registration). */
  lastUpdate: number;
  active: boolean;
  /** 0 to 1. */
  incentive: number;
  /** Block of registration. */
  registeredAt: number;
}

export interface Metagraph {
  netuid: number;
  /** The finalised block at which every row was read. */
  block: BlockRef;
  /** By uid, ascending. */
  neurons: Neuron[];
}

const U16_MAX = 65_535;
const optional = <S extends z.ZodType>(schema: S) => schema.nullish().catch(undefined);

/** All neurons of a subnet, read from storage at one block. */
export async function readMetagraph(state: ChainState, netuid: number, block: BlockRef): Promise<Metagraph> {
  const pallet = 'subtensorModule';
  const column = <S extends z.ZodType>(item: string, schema: S): Promise<z.output<S>[]> =>
    state.has(pallet, item) ? state.read(z.array(schema), pallet, item, netuid) : Promise.resolve([]);
  const rows = async <S extends z.ZodType>(item: string, schema: S) =>
    state.has(pallet, item) ? state.rows(account, schema, pallet, item, netuid) : new Map<string, z.output<S>>();
  const [count, owner, keys, registered, axons, certificates, permits, updates, active, incentives] = await Promise.all(
    [
      state.read(uint, pallet, 'subnetworkN', netuid),
      state.has(pallet, 'subnetOwnerHotkey') ? state.read(account, pallet, 'subnetOwnerHotkey', netuid) : undefined,
      state.rows(uint, account, pallet, 'keys', netuid),
      state.rows(uint, uint, pallet, 'blockAtRegistration', netuid),
      // One neuron's odd row must not hide the others: it counts as not serving.
      rows('axons', optional(axonRow)),
      rows('neuronCertificates', optional(certificateRow)),
      column('validatorPermit', z.boolean()),
      column('lastUpdate', uint),
      column('active', z.boolean()),
      column('incentive', uint),
    ],
  );
  const uids = [...keys.keys()].filter((uid) => uid < count).sort((a, b) => a - b);
  const hotkeys = uids.map((uid) => keys.get(uid)!);
  const [coldkeys, stakes] = await Promise.all([
    state.readMany(account, pallet, 'owner', hotkeys),
    readInheritedStakes(state, netuid, hotkeys),
  ]);
  const neurons = uids.map((uid, at): Neuron => {
    const hotkey = hotkeys[at]!;
    const axon = axons.get(hotkey)?.axon;
    return {
      uid,
      hotkey,
      coldkey: coldkeys[at]!,
      axon: axon && axon.port > 0 ? axon : undefined,
      peerKey: peerKeyOf(certificates.get(hotkey)),
      validatorPermit: (permits[uid] ?? false) || hotkey === owner,
      stake: stakes[at]!,
      lastUpdate: updates[uid] ?? 0,
      active: active[uid] ?? false,
      incentive: (incentives[uid] ?? 0) / U16_MAX,
      registeredAt: registered.get(uid) ?? 0,
    };
  });
  return { netuid, block, neurons };
}
