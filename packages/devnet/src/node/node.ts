import { errorMessage, type Logger } from '@tuning/kit';
import type { Runtime } from '../runtime/runtime.ts';
import { ChainStore } from './chain-store.ts';
import { Emitter } from './emitter.ts';
import { type Block, extrinsicHash } from './header.ts';
import { TransactionPool } from './pool.ts';

export interface NodeOptions {
  /** Milliseconds between blocks, or a block as soon as a transaction is ready. */
  blockMs: number | 'instant';
  /** Blocks that finality trails the best block; with instant blocks finality comes by time instead. */
  finalityLag: number;
  /** How many blocks and their states stay readable. */
  keepBlocks: number;
  /** How many states stay readable, when fewer: a node that prunes keeps headers and bodies longer than states. */
  keepStates?: number | undefined;
  logger: Logger;
  now?: () => number;
}

const MAX_EXTRINSICS_PER_BLOCK = 500;
/** How many transactions may find the block too full before it is closed: a smaller one may still fit. */
const MAX_SKIPPED = 8;
/**
 * Finality must not come together with inclusion: polkadot.js, still fetching the block for its 'inBlock' update, would
 * drop that update for the 'finalized' one, and users who wait for 'inBlock' would wait for ever.
 */
const INSTANT_FINALITY_MS = 50;

/** Chain, pool and block author around one runtime. It knows nothing of pallets. */
export class ChainNode {
  readonly store: ChainStore;
  readonly pool: TransactionPool;
  readonly newBlock: Emitter<Block>;
  readonly finalisedBlock: Emitter<Block>;
  readonly #options: NodeOptions;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #finality: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Each runtime with the first block whose state is its own. */
  readonly #runtimes: { from: number; runtime: Runtime }[];

  constructor(runtime: Runtime, options: NodeOptions) {
    this.#runtimes = [{ from: 0, runtime }];
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const report = (error: unknown) => options.logger.warn({ error: errorMessage(error) }, 'a listener failed');
    this.newBlock = new Emitter(report);
    this.finalisedBlock = new Emitter(report);
    this.store = new ChainStore(runtime, options.keepBlocks, options.keepStates);
    this.pool = new TransactionPool(
      (bytes) => this.runtime.validate(this.store.view(this.store.best), bytes, this.store.bestRef),
      () => this.#onReady(),
    );
  }

  /** The newest, which makes the next block. */
  get runtime(): Runtime {
    return this.#runtimes.at(-1)!.runtime;
  }

  /** The runtime that reads the state after a block. */
  runtimeAt(block: Block): Runtime {
    return this.#runtimes.findLast(({ from }) => from <= block.header.number)!.runtime;
  }

  /** From the next block on, as if the best one had set new code. */
  upgrade(runtime: Runtime): void {
    this.#runtimes.push({ from: this.store.best.header.number, runtime });
  }

  start(): void {
    if (this.#options.blockMs !== 'instant') this.#schedule(this.#options.blockMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    clearTimeout(this.#finality);
  }

  /** A late timer (busy machine) makes a late block, never a burst of blocks to catch up. */
  #schedule(delay: number): void {
    this.#timer = setTimeout(() => {
      const started = this.#now();
      this.#produceSafely();
      if (!this.#stopped) this.#schedule(Math.max(1, delayAfter(started, this.#now(), this.#options.blockMs)));
    }, delay);
  }

  #onReady(): void {
    if (this.#options.blockMs !== 'instant' || this.#stopped || this.#immediate) return;
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.#produceSafely();
    });
  }

  /** A bug in the runtime must not stop the clock of everybody's daemons: the block is skipped and reported. */
  #produceSafely(): void {
    try {
      this.produceBlock();
    } catch (error) {
      this.#options.logger.error({ error: errorMessage(error) }, 'block could not be built');
    }
  }

  /** Builds, stores and announces the next block. */
  produceBlock(): Block {
    const parent = this.store.best;
    const view = this.store.view(parent);
    const nowMs = this.#now();
    this.runtime.initialiseBlock(view, { number: parent.header.number + 1, parentHash: parent.hash, nowMs });
    const extrinsics = this.runtime.inherents(view, nowMs);
    for (const inherent of extrinsics) this.runtime.applyExtrinsic(view, inherent);
    const included: string[] = [];
    let skipped = 0;
    for (const { hash, bytes } of this.pool.ready().slice(0, MAX_EXTRINSICS_PER_BLOCK)) {
      view.begin();
      const result = this.runtime.applyExtrinsic(view, bytes);
      if (result.included) {
        view.commit();
        extrinsics.push(bytes);
        included.push(hash);
        continue;
      }
      view.rollback();
      // The block is full: what is left waits for the next, unless it is too large for any.
      if (result.invalid.name === 'ExhaustsResources' && included.length > 0) {
        if (++skipped > MAX_SKIPPED) break;
        continue;
      }
      // A nonce that has become Future waits again; anything else will not become valid by waiting.
      if (result.invalid.name !== 'Future') this.pool.reject(hash);
    }
    const seal = this.runtime.finaliseBlock(view);
    const block = this.store.append(view, extrinsics, seal ?? undefined);
    this.newBlock.emit(block);
    this.pool.onBlock(this.store.bestRef, included);
    if (this.#options.blockMs === 'instant') this.#finaliseLater();
    else this.#finalise(block.header.number - this.#options.finalityLag);
    return block;
  }

  #finaliseLater(): void {
    this.#finality ??= setTimeout(() => {
      this.#finality = undefined;
      this.#finalise(this.store.best.header.number);
    }, INSTANT_FINALITY_MS);
  }

  #finalise(upTo: number): void {
    for (let number = this.store.finalised.header.number + 1; number <= upTo; number++) {
      const block = this.store.byNumber(number);
      if (!block) return;
      this.store.finalise(block);
      this.finalisedBlock.emit(block);
      const ref = { number, hash: block.hash };
      for (const extrinsic of block.extrinsics) this.pool.onFinalised(extrinsicHash(extrinsic), ref);
    }
  }
}

function delayAfter(started: number, now: number, blockMs: number | 'instant'): number {
  return blockMs === 'instant' ? 0 : blockMs - (now - started);
}
