import { blake2AsU8a } from '@polkadot/util-crypto';
import type { BlockRef, Runtime, Seal } from '../runtime/runtime.ts';
import { toHex } from '../scale/bytes.ts';
import { type Block, extrinsicsRoot, hashHeader } from './header.ts';
import { nextStateRoot, StateHistory, StateView } from './state.ts';

const ZERO_HASH = `0x${'00'.repeat(32)}`;

/** The blocks of the one and only fork, with their states. */
export class ChainStore {
  readonly state = new StateHistory();
  readonly #byNumber = new Map<number, Block>();
  readonly #byHash = new Map<string, Block>();
  readonly #keepBlocks: number;
  readonly #keepStates: number;
  #best: Block;
  #finalised: Block;

  /** Builds block 0. So many blocks stay readable, and the states of so many. */
  constructor(runtime: Runtime, keepBlocks: number, keepStates = keepBlocks) {
    this.#keepBlocks = keepBlocks;
    this.#keepStates = Math.min(keepBlocks, keepStates);
    const view = new StateView(this.state, -1);
    const seal = runtime.buildGenesis(view);
    const changes = view.changes();
    this.state.commit(0, changes);
    const header = {
      parentHash: ZERO_HASH,
      number: 0,
      stateRoot: nextStateRoot(toHex(blake2AsU8a('genesis', 256)), changes),
      extrinsicsRoot: extrinsicsRoot([]),
      logs: [],
      ...seal,
    };
    this.#best = { hash: hashHeader(header), header, extrinsics: [] };
    this.#finalised = this.#best;
    this.#remember(this.#best);
  }

  get best(): Block {
    return this.#best;
  }

  get finalised(): Block {
    return this.#finalised;
  }

  get genesisHash(): string {
    return this.#byNumber.get(0)!.hash;
  }

  get bestRef(): BlockRef {
    return { number: this.#best.header.number, hash: this.#best.hash };
  }

  byNumber(number: number): Block | undefined {
    return this.#byNumber.get(number);
  }

  byHash(hash: string): Block | undefined {
    return this.#byHash.get(hash.toLowerCase());
  }

  /** A throw-away view of the state after `block`. */
  view(block: Block): StateView {
    return new StateView(this.state, block.header.number);
  }

  /** `seal`: the roots and digest that the runtime computed, where it does. */
  append(view: StateView, extrinsics: readonly Uint8Array[], seal?: Seal): Block {
    const parent = this.#best;
    const number = parent.header.number + 1;
    const changes = view.changes();
    this.state.commit(number, changes);
    const roots = seal ?? {
      stateRoot: nextStateRoot(parent.header.stateRoot, changes),
      extrinsicsRoot: extrinsicsRoot(extrinsics),
      logs: [],
    };
    const header = { parentHash: parent.hash, number, ...roots };
    this.#best = { hash: hashHeader(header), header, extrinsics };
    this.#remember(this.#best);
    this.#prune(number - this.#keepBlocks);
    const oldestState = number - this.#keepStates + 1;
    if (oldestState > this.state.oldest && oldestState > 1) this.state.prune(oldestState);
    return this.#best;
  }

  /** Changes the state of the best block in place (development RPC); its header stays as it is. */
  overwrite(view: StateView): void {
    this.state.commit(this.#best.header.number, view.changes());
  }

  finalise(block: Block): void {
    if (block.header.number > this.#finalised.header.number) this.#finalised = block;
  }

  #remember(block: Block): void {
    this.#byNumber.set(block.header.number, block);
    this.#byHash.set(block.hash, block);
  }

  #prune(before: number): void {
    // Block 0 stays: its hash is the chain's identity.
    const old = this.#byNumber.get(before);
    if (before < 1 || !old) return;
    this.#byNumber.delete(before);
    this.#byHash.delete(old.hash);
  }
}
