import type { BlockRef, Chain, Metagraph, Neuron, RegisterArgs } from '@tuning/chain';

/** A chain with one subnet, whose reads are counted and blocks are called by hand. */
export class FakeChain {
  readonly blockTimeMs: number;
  head: BlockRef = { number: 100, hash: '0x0' };
  neurons: Neuron[] = [];
  burnRao = 500_000_000n;
  registered: RegisterArgs[] = [];
  reads = 0;
  /** Thrown by the next reading of the metagraph. */
  fault: Error | undefined;
  readonly #handlers = new Set<(block: BlockRef) => void>();

  constructor(blockTimeMs = 250) {
    this.blockTimeMs = blockTimeMs;
  }

  finalise(number: number): void {
    this.head = { number, hash: '0x0' };
    for (const handler of this.#handlers) handler(this.head);
  }

  onFinalised = (handler: (block: BlockRef) => void): (() => void) => {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  };

  metagraph = async (netuid: number): Promise<Metagraph> => {
    this.reads += 1;
    const { fault } = this;
    this.fault = undefined;
    if (fault) throw fault;
    return { netuid, block: this.head, neurons: this.neurons };
  };

  subnetExists = async (netuid: number) => netuid === 2;
  uidOf = async (_netuid: number, hotkey: string) => this.neurons.find((neuron) => neuron.hotkey === hotkey)?.uid;
  burn = async () => this.burnRao;

  register = async (args: RegisterArgs) => {
    this.registered.push(args);
    // The signature is made inside the call, with a key that is wiped afterwards.
    args.coldkey.sign(new Uint8Array(1));
    return { uid: 9, burned: this.burnRao, block: this.head };
  };

  asChain(): Chain {
    return this as unknown as Chain;
  }
}

export const fakeNeuron = (uid: number, hotkey: string, more: Partial<Neuron> = {}): Neuron => ({
  uid,
  hotkey,
  coldkey: hotkey,
  axon: { ip: '10.0.0.1', port: 8_091, protocol: 4, version: 1, placeholder1: 0, placeholder2: 1 },
  peerKey: new Uint8Array(32).fill(uid),
  validatorPermit: false,
  stake: 0n,
  lastUpdate: 0,
  active: true,
  incentive: 0,
  registeredAt: 0,
  ...more,
});
