import type { Logger, Signer } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';
import type { EpochClock } from './epoch-clock.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import type { Metagraph } from './metagraph.ts';
import type { WeightCommit } from './weight-commits.ts';

/** For calls that send a transaction. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Longest wait for finality in ms, default 120 000. */
  deadlineMs?: number;
}

/** For reads, which all end by `ConnectOptions.callTimeoutMs`. */
export interface ReadOptions {
  signal?: AbortSignal;
}

export interface AtBlock extends ReadOptions {
  /** Hash of the block to read at; default the newest finalised one. */
  at?: string;
}

export interface ChainCommitment {
  /** SS58. */
  hotkey: string;
  /** The block whose commitment this is. */
  block: number;
  /** Text of the Raw and BigRaw fields, in order. */
  fields: string[];
  /**
   * Set when the block's events are gone and no later state shows it: the hotkey signed it and the block holds it, but
   * whether it succeeded there is not known for certain.
   */
  unproven?: true;
}

export interface RegisterArgs {
  netuid: number;
  /** SS58. */
  hotkey: string;
  coldkey: Signer;
  /** RAO; above it nothing is sent. */
  maxBurn: bigint;
}

export interface ServeArgs {
  netuid: number;
  hotkey: Signer;
  /** IPv4 or IPv6; `0.0.0.0` publishes the key without an address (a miner behind NAT). */
  ip: string;
  port: number;
  /** `0xED ‖ 32-byte ed25519 public key`. */
  certificate: Uint8Array;
  version: number;
  protocol?: number;
  placeholder1?: number;
  placeholder2?: number;
}

export interface CommitArgs {
  netuid: number;
  hotkey: Signer;
  /** 1 to 3 printable ASCII texts of at most 128 bytes. */
  fields: string[];
}

export interface WatchCommitmentsArgs {
  netuid: number;
  fromBlock: number;
  onBlock: (block: BlockRef, commitments: ChainCommitment[]) => Promise<void>;
  signal: AbortSignal;
}

export interface SetWeightsArgs {
  netuid: number;
  hotkey: Signer;
  /** Any non-negative scale. */
  weights: { hotkey: string; weight: number }[];
  /** Default: the subnet's own WeightsVersionKey. */
  versionKey?: bigint;
  /** On a subnet with commit-reveal, the form to commit in; default `timelocked` where the runtime has it. */
  commitForm?: 'timelocked' | 'commit-reveal';
  /**
   * Called before a `commit-reveal` commit is sent, with all that its reveal needs: keep it durably, for whoever loses it
   * loses the weights.
   */
  onCommit?: (pending: HashedWeights) => void | Promise<void>;
}

/** Weights committed as a hash: what {@link Chain.revealWeights} needs. Plain JSON. */
export interface HashedWeights {
  netuid: number;
  /** SS58. */
  hotkey: string;
  uids: number[];
  /** u16 each. */
  values: number[];
  /** u16 each. */
  salt: number[];
  /** Decimal digits of a u64. */
  versionKey: string;
}

/** When committed weights are revealed, as long as the subnet's tempo stays. */
export interface RevealTime {
  /** The subnet's epoch. */
  epoch: number;
  /** First block of that epoch. */
  from: number;
  /** First block after it. */
  until: number;
}

/**
 * `uids` and `values` are what is stored (`plain`), or what was committed: then the chain holds the weights before it until
 * the reveal. `block` holds the transaction, and is the hotkey's LastUpdate, in every form.
 */
export type SetWeightsResult = { block: BlockRef; uids: number[]; values: number[] } & (
  | { form: 'plain' }
  /** The chain reveals by itself, in or soon after block `reveal.from`, when it has the drand round. */
  | { form: 'timelocked'; reveal: RevealTime & { round: number } }
  /** `revealWeights({ pending })` must be called between the blocks of `reveal`. */
  | { form: 'commit-reveal'; pending: HashedWeights; reveal: RevealTime }
);

export interface RevealWeightsArgs {
  hotkey: Signer;
  pending: HashedWeights;
}

export interface TransferArgs {
  from: Signer;
  /** SS58. */
  to: string;
  /** RAO. */
  amount: bigint;
}

export interface ConnectOptions {
  /** `ws://` or `wss://`, best first: the next one serves when one fails, and an earlier one again when it works. */
  endpoints: string[];
  /** The chain that the endpoints must serve (`0x` + 64 hex); default the one of the first that answers. */
  genesisHash?: string;
  logger?: Logger;
  /** Ends the connecting, and later closes the chain. */
  signal?: AbortSignal;
  /** Default 15 000. */
  connectTimeoutMs?: number;
  /** Deadline of one read, reconnects included. Default 30 000. */
  callTimeoutMs?: number;
  /**
   * No finalised block for this long: the endpoint is asked for its newest, and left when it does not answer or has one
   * that its subscription did not tell. Default 20 000; dead sockets are noticed within 1.3 times this, too.
   */
  silenceMs?: number;
  /** No finalised block for this long, though the endpoint answers: the next one. Default max(30 s, 10 block times). */
  headTimeoutMs?: number;
  /** While an endpoint that is not the first serves, those before it are tried so often. Default 600 000. */
  returnMs?: number;
}

/** The Subtensor client of a daemon. */
export interface Chain {
  readonly genesisHash: string;
  readonly specName: string;
  readonly specVersion: number;
  /** Newest finalised block seen; never goes back. */
  readonly head: BlockRef;
  /** Measured from the timestamps of finalised blocks; the runtime's constant while there are too few. */
  readonly blockTimeMs: number;
  blockHash(number: number, options?: ReadOptions): Promise<string>;
  onFinalised(handler: (block: BlockRef) => void): () => void;
  waitForBlock(number: number, options?: { signal?: AbortSignal; ms?: number }): Promise<BlockRef>;
  subnetExists(netuid: number, options?: ReadOptions): Promise<boolean>;
  metagraph(netuid: number, options?: AtBlock): Promise<Metagraph>;
  hyperparameters(netuid: number, options?: ReadOptions): Promise<Hyperparameters>;
  uidOf(netuid: number, hotkey: string, options?: ReadOptions): Promise<number | undefined>;
  balance(address: string, options?: ReadOptions): Promise<bigint>;
  burn(netuid: number, options?: ReadOptions): Promise<bigint>;
  register(args: RegisterArgs, options?: CallOptions): Promise<{ uid: number; burned: bigint; block: BlockRef }>;
  serve(args: ServeArgs, options?: CallOptions): Promise<{ block: BlockRef; changed: boolean }>;
  commit(args: CommitArgs, options?: CallOptions): Promise<BlockRef>;
  commitment(
    netuid: number,
    hotkey: string,
    options?: AtBlock,
  ): Promise<{ block: number; fields: string[] } | undefined>;
  /** The commitment that each hotkey of the subnet has now, newest first. */
  commitments(netuid: number, options?: AtBlock): Promise<ChainCommitment[]>;
  /**
   * Every finalised block from `fromBlock` on, in order, with what was committed in it. Blocks whose state the endpoint no
   * longer has are read from their bodies, see {@link ChainCommitment.unproven}.
   */
  watchCommitments(args: WatchCommitmentsArgs): Promise<void>;
  setWeights(args: SetWeightsArgs, options?: CallOptions): Promise<SetWeightsResult>;
  revealWeights(
    args: RevealWeightsArgs,
    options?: CallOptions,
  ): Promise<{ block: BlockRef; uids: number[]; values: number[] }>;
  /** A hotkey's commits that are not revealed yet, oldest first. */
  weightCommits(netuid: number, hotkey: string, options?: AtBlock): Promise<WeightCommit[]>;
  /** The newest drand round whose signature the chain holds; 0 where it keeps none. */
  drandRound(options?: AtBlock): Promise<number>;
  /** The subnet's epochs as they stand at a block. */
  epochs(netuid: number, options?: AtBlock): Promise<EpochClock>;
  weights(netuid: number, uid: number, options?: AtBlock): Promise<{ uid: number; value: number }[]>;
  lastUpdate(netuid: number, uid: number, options?: ReadOptions): Promise<number>;
  transfer(args: TransferArgs, options?: CallOptions): Promise<BlockRef>;
  close(): Promise<void>;
}
