import type { BlockRef } from './block-ref.ts';

/** Where a neuron says it can be reached; the chain's `AxonInfo` without the block. */
export interface Axon {
  /** Dotted or colon text; `0.0.0.0` when the neuron publishes no address. */
  ip: string;
  port: number;
  protocol: number;
  version: number;
  placeholder1: number;
  placeholder2: number;
}

export interface Neuron {
  uid: number;
  /** SS58. */
  hotkey: string;
  /** SS58. */
  coldkey: string;
  axon: Axon | undefined;
  /** 32-byte ed25519 key of the libp2p identity, from NeuronCertificates with algorithm 0xED. */
  peerKey: Uint8Array | undefined;
  validatorPermit: boolean;
  /** Alpha stake of the hotkey on this subnet, RAO. */
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
