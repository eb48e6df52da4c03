import type { BlockRef, InvalidTransaction, Validity, ValidTransaction } from '../runtime/runtime.ts';
import { extrinsicHash } from './header.ts';

export type TransactionStatus =
  | { kind: 'ready' | 'future' | 'invalid' | 'dropped' }
  | { kind: 'inBlock' | 'finalized' | 'usurped'; hash: string };

/** Why a submission was refused; the RPC maps it to the error numbers of sc-rpc-api. */
export type PoolRefusal =
  | { kind: 'malformed'; reason: string }
  | { kind: 'invalid'; invalid: InvalidTransaction }
  | { kind: 'already-imported'; hash: string }
  | { kind: 'priority-too-low' }
  | { kind: 'full' };

export interface PooledTransaction {
  hash: string;
  bytes: Uint8Array;
  valid: ValidTransaction;
  ready: boolean;
}

type Watcher = (status: TransactionStatus) => void;

const MAX_TRANSACTIONS = 8192;

/** Transactions that wait for a block. Ready ones can be included now; future ones wait for a tag another provides. */
export class TransactionPool {
  readonly #validate: (bytes: Uint8Array) => Validity;
  readonly #transactions = new Map<string, PooledTransaction>();
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #onReady: () => void;

  constructor(validate: (bytes: Uint8Array) => Validity, onReady: () => void) {
    this.#validate = validate;
    this.#onReady = onReady;
  }

  get size(): number {
    return this.#transactions.size;
  }

  all(): PooledTransaction[] {
    return [...this.#transactions.values()];
  }

  /** In the order in which they can be applied. */
  ready(): PooledTransaction[] {
    return this.all().filter(({ ready }) => ready);
  }

  /** Whether a ready transaction provides the tag. */
  provides(tag: string): boolean {
    return this.ready().some(({ valid }) => valid.provides.includes(tag));
  }

  submit(bytes: Uint8Array, watcher?: Watcher): { hash: string } | PoolRefusal {
    const hash = extrinsicHash(bytes);
    if (this.#transactions.has(hash)) return { kind: 'already-imported', hash };
    const validity = this.#validate(bytes);
    if (!validity.ok) {
      return 'malformed' in validity
        ? { kind: 'malformed', reason: validity.malformed }
        : { kind: 'invalid', invalid: validity.invalid };
    }
    const rivals = this.all().filter(({ valid }) =>
      valid.provides.some((tag) => validity.valid.provides.includes(tag)),
    );
    if (rivals.some(({ valid }) => valid.priority >= validity.valid.priority)) return { kind: 'priority-too-low' };
    if (this.#transactions.size >= MAX_TRANSACTIONS) return { kind: 'full' };
    for (const rival of rivals) {
      this.#transactions.delete(rival.hash);
      this.#notify(rival.hash, { kind: 'usurped', hash });
    }
    this.#transactions.set(hash, { hash, bytes, valid: validity.valid, ready: false });
    if (watcher) this.watch(hash, watcher);
    this.#promote();
    if (!this.#transactions.get(hash)!.ready) this.#notify(hash, { kind: 'future' });
    return { hash };
  }

  watch(hash: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(hash) ?? new Set();
    this.#watchers.set(hash, watchers);
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }

  /** The author found it inapplicable. */
  reject(hash: string): void {
    if (this.#transactions.delete(hash)) this.#notify(hash, { kind: 'invalid' });
  }

  remove(hash: string): boolean {
    const removed = this.#transactions.delete(hash);
    if (removed) this.#notify(hash, { kind: 'dropped' });
    return removed;
  }

  /** Takes out what the block included and judges the rest against the new state. */
  onBlock(block: BlockRef, included: readonly string[]): void {
    for (const hash of included) {
      if (this.#transactions.delete(hash)) this.#notify(hash, { kind: 'inBlock', hash: block.hash });
    }
    for (const transaction of this.all()) {
      const validity = this.#validate(transaction.bytes);
      if (validity.ok) transaction.valid = validity.valid;
      else this.reject(transaction.hash);
    }
    this.#promote();
  }

  onFinalised(hash: string, block: BlockRef): void {
    this.#notify(hash, { kind: 'finalized', hash: block.hash });
    this.#watchers.delete(hash);
  }

  /** Readiness follows from the tags of other ready transactions, so it is settled to a fixed point. */
  #promote(): void {
    const provided = new Set<string>();
    const order: PooledTransaction[] = [];
    let waiting = this.all();
    for (let progress = true; progress; ) {
      progress = false;
      const still: PooledTransaction[] = [];
      for (const transaction of waiting) {
        if (!transaction.valid.requires.every((tag) => provided.has(tag))) {
          still.push(transaction);
          continue;
        }
        for (const tag of transaction.valid.provides) provided.add(tag);
        order.push(transaction);
        progress = true;
      }
      waiting = still;
    }
    this.#transactions.clear();
    let promoted = false;
    for (const transaction of order) {
      this.#transactions.set(transaction.hash, transaction);
      if (transaction.ready) continue;
      transaction.ready = true;
      promoted = true;
      this.#notify(transaction.hash, { kind: 'ready' });
    }
    for (const transaction of waiting) {
      transaction.ready = false;
      this.#transactions.set(transaction.hash, transaction);
    }
    if (promoted) this.#onReady();
  }

  #notify(hash: string, status: TransactionStatus): void {
    for (const watcher of [...(this.#watchers.get(hash) ?? [])]) watcher(status);
    if (status.kind !== 'ready' && status.kind !== 'future' && status.kind !== 'inBlock') this.#watchers.delete(hash);
  }
}
