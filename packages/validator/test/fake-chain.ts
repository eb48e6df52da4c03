import type { BlockRef, Chain, Metagraph, Neuron, SetWeightsArgs } from '@tuning/chain';
import { sleep } from '@tuning/kit';

/** A hotkey that passes for an SS58 address: 48 letters. */
export const address = (letter: string) => `5${letter.repeat(47)}`;

export const fakeNeuron = (uid: number, hotkey: string, more: Partial<Neuron> = {}): Neuron => ({
  uid,
  hotkey,
  coldkey: hotkey,
  axon: { ip: '127.0.0.1', port: 1, protocol: 4, version: 1, placeholder1: 0, placeholder2: 1 },
  peerKey: new Uint8Array(32).fill(uid),
  validatorPermit: false,
  stake: 0n,
  lastUpdate: 0,
  active: true,
  incentive: 0,
  registeredAt: 0,
  ...more,
});

/** A chain whose finalised head follows the clock, and which holds one hotkey's weights. */
export class FakeChain {
  readonly genesisHash = `0x${'0'.repeat(64)}`;
  readonly blockTimeMs: number;
  neurons: Neuron[] = [];
  /** What `lastUpdate` and `weights` tell of our uid. */
  ours: { block: number; weights: { uid: number; value: number }[] } = { block: 0, weights: [] };
  /** Weight extrinsics that were sent, with the head and the clock at that moment. */
  readonly sent: { weights: SetWeightsArgs['weights']; head: number; at: number }[] = [];
  /** Thrown one after the other by `setWeights`, before it works. */
  readonly refusals: Error[] = [];
  readonly slots = new Map<string, { block: number; fields: string[] }>();
  metagraphReads = 0;
  #offset: number;
  readonly #since = Date.now();

  constructor(head = 1_000, blockTimeMs = 1_000) {
    this.#offset = head;
    this.blockTimeMs = blockTimeMs;
  }

  get head(): BlockRef {
    return this.#block(this.#offset + Math.floor((Date.now() - this.#since) / this.blockTimeMs));
  }

  /** Lets blocks pass without a clock. */
  skip(blocks: number): void {
    this.#offset += blocks;
  }

  blockHash = async (number: number) => this.#block(number).hash;

  waitForBlock = async (number: number, options: { signal?: AbortSignal } = {}): Promise<BlockRef> => {
    while (this.head.number < number) await sleep(this.blockTimeMs / 2, options.signal);
    return this.#block(number);
  };

  metagraph = async (netuid: number): Promise<Metagraph> => {
    this.metagraphReads += 1;
    return { netuid, block: this.head, neurons: this.neurons };
  };

  uidOf = async (_netuid: number, hotkey: string) => this.neurons.find((neuron) => neuron.hotkey === hotkey)?.uid;
  lastUpdate = async () => this.ours.block;
  weights = async () => this.ours.weights;
  /** Unrevealed commits of ours, by their block. */
  commits: number[] = [];
  weightCommits = async () =>
    this.commits.map((block) => ({
      form: 'timelocked' as const,
      block,
      epoch: 1,
      round: 1,
      content: new Uint8Array(),
    }));

  setWeights = async ({ weights }: SetWeightsArgs) => {
    this.sent.push({ weights, head: this.head.number, at: Date.now() });
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    this.include(weights, this.head.number + 1);
    return {
      form: 'plain' as const,
      block: this.#block(this.ours.block),
      uids: this.ours.weights.map(({ uid }) => uid),
      values: this.ours.weights.map(({ value }) => value),
    };
  };

  hyperparameters = async () => ({ weightsVersionKey: 0n });
  epochs = async () => ({
    block: this.head.number,
    epoch: 1,
    length: 360,
    nextStart: this.head.number + 100,
    revealPeriod: 1,
  });

  /** What a block with these weights leaves in storage: u16, the largest is 65 535. */
  include(weights: SetWeightsArgs['weights'], block: number): void {
    const largest = Math.max(...weights.map(({ weight }) => weight));
    this.ours = {
      block,
      weights: weights.map(({ hotkey, weight }) => ({
        uid: this.neurons.find((neuron) => neuron.hotkey === hotkey)!.uid,
        value: Math.round((weight / largest) * 65_535),
      })),
    };
  }

  commitment = async (_netuid: number, hotkey: string) => this.slots.get(hotkey);

  asChain(): Chain {
    return this as unknown as Chain;
  }

  #block(number: number): BlockRef {
    return { number, hash: `0x${number.toString(16).padStart(64, '0')}` };
  }
}
