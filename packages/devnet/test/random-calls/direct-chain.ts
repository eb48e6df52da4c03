import { hexToU8a } from '@polkadot/util';
import { silentLogger } from '@tuning/kit';
import { ChainNode } from '../../src/node/node.ts';
import { StateView } from '../../src/node/state.ts';
import type { InvalidTransaction, Runtime, RuntimeState } from '../../src/runtime/runtime.ts';
import { toHex } from '../../src/scale/bytes.ts';
import type { Client } from '../conformance/client.ts';
import { readEvents } from '../conformance/events.ts';
import type { CallSpec, Write } from '../conformance/scenario.ts';

/** A slot of both runtimes; the wall clock plays no part. */
const SLOT_MS = 1000;
const EPOCH_MS = 1_700_000_000_000;
/** timestamp.set comes first in every block. */
const INHERENTS = 1;

export interface SignedCall extends CallSpec {
  readonly by: string;
}

/** What came of one call. Texts read the same on every runtime of one spec. */
export interface CallOutcome {
  /** 'ok', 'Pallet.Error', another dispatch error, or 'pool …'. */
  readonly result: string;
  readonly events: readonly string[];
  /** RAO taken from the signer for inclusion. */
  readonly fee: number;
}

export interface BlockOutcome {
  readonly calls: readonly CallOutcome[];
  /** Events of the hooks. */
  readonly hooks: readonly string[];
}

/** Sequences need no proofs, and a trie over a state that grows in one layer would cost more than the blocks. */
class RootlessView extends StateView {
  override root(): Uint8Array {
    return new Uint8Array(32);
  }
}

const blockHash = (number: number): string => `0x${number.toString(16).padStart(64, '0')}`;

/** One runtime with a state from which sequences begin. Spoken to through the Runtime interface: no pool, no sockets. */
export class DirectChain {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly #node: ChainNode;

  constructor(runtime: Runtime, client: Client) {
    this.runtime = runtime;
    this.client = client;
    let blocks = 0;
    this.#node = new ChainNode(runtime, {
      blockMs: 3_600_000,
      finalityLag: 1,
      keepBlocks: 10_000,
      logger: silentLogger,
      now: () => EPOCH_MS + SLOT_MS * ++blocks,
    });
  }

  get block(): number {
    return this.#node.store.best.header.number;
  }

  /** One call in a block of its own, for good: part of the state from which every sequence begins. */
  prepare(call: SignedCall): void {
    const state = this.#node.store.view(this.#node.store.best);
    const nonce = nonceOf(state, this.client, call.by);
    const bytes = this.client.sign(call, call.by, this.#node.store.genesisHash, nonce, {});
    const sent = this.#node.pool.submit(bytes);
    if ('kind' in sent) throw new Error(`${call.call}: ${JSON.stringify(sent)}`);
    this.#node.produceBlock();
    const events = this.#node.store.view(this.#node.store.best).get(this.client.key(['System.Events'])!);
    const result = readEvents(this.client, toHex(events!)).transactions.get(INHERENTS)?.result;
    if (result !== 'ok') throw new Error(`${call.call}: ${result}`);
  }

  emptyBlocks(count: number): void {
    for (let i = 0; i < count; i++) this.#node.produceBlock();
  }

  /** Writes storage; items that this runtime does not have are left out. */
  level(writes: readonly Write[]): void {
    const view = this.#node.store.view(this.#node.store.best);
    for (const [item, value] of writes) {
      const key = this.client.key(item);
      if (key === undefined) continue;
      if (value === null) view.delete(key);
      else view.set(key, hexToU8a(this.client.encode(item, value)));
    }
    this.#node.store.overwrite(view);
  }

  /** A chain that goes on from the prepared state and leaves it as it is. */
  branch(): Branch {
    const { store } = this.#node;
    const state = new RootlessView(store.state, this.block);
    return new Branch(this, state, this.block, store.genesisHash, (key) => store.state.read(key, this.block));
  }
}

export class Branch {
  readonly chain: DirectChain;
  readonly state: RootlessView;
  /** The value of a key in the prepared state. */
  readonly before: (key: string) => Uint8Array | undefined;
  /** By signer: how many transactions got in, and what they cost. */
  readonly included = new Map<string, number>();
  readonly fees = new Map<string, bigint>();
  #block: number;
  readonly #genesisHash: string;

  constructor(
    chain: DirectChain,
    state: RootlessView,
    block: number,
    genesisHash: string,
    before: (key: string) => Uint8Array | undefined,
  ) {
    this.chain = chain;
    this.state = state;
    this.before = before;
    this.#block = block;
    this.#genesisHash = genesisHash;
  }

  get block(): number {
    return this.#block;
  }

  signers(): Iterable<string> {
    return this.included.keys();
  }

  /** Every call is asked of the pool at the state of the best block; those that get in share the next block. */
  next(calls: readonly SignedCall[]): BlockOutcome {
    const { runtime, client } = this.chain;
    const { state } = this;
    const outcomes: (CallOutcome | undefined)[] = [];
    const accepted: { bytes: Uint8Array; by: string; at: number }[] = [];
    const sent = new Map<string, number>();
    const best = { number: this.#block, hash: blockHash(this.#block) };
    for (const [at, call] of calls.entries()) {
      const nonce = nonceOf(state, client, call.by) + (sent.get(call.by) ?? 0);
      const bytes = client.sign(call, call.by, this.#genesisHash, nonce, {});
      state.begin();
      const validity = runtime.validate(state, bytes, best);
      state.rollback();
      if (validity.ok) {
        sent.set(call.by, (sent.get(call.by) ?? 0) + 1);
        accepted.push({ bytes, by: call.by, at });
      } else {
        outcomes[at] = refused('invalid' in validity ? validity.invalid : undefined);
      }
    }

    this.#block++;
    const nowMs = EPOCH_MS + SLOT_MS * this.#block;
    runtime.initialiseBlock(state, { number: this.#block, parentHash: best.hash, nowMs });
    for (const inherent of runtime.inherents(state, nowMs)) runtime.applyExtrinsic(state, inherent);
    const indices: number[] = [];
    for (const { bytes, at } of accepted) {
      state.begin();
      const result = runtime.applyExtrinsic(state, bytes);
      if (result.included) {
        state.commit();
        indices.push(at);
      } else {
        state.rollback();
        const { result: reason } = refused(result.invalid);
        outcomes[at] = { result: reason.replace('pool', 'author'), events: [], fee: 0 };
      }
    }
    runtime.finaliseBlock(state);

    const { transactions, hooks } = readEvents(
      client,
      toHex(state.get(client.key(['System.Events'])!) ?? Uint8Array.of(0)),
    );
    for (const [i, at] of indices.entries()) {
      const outcome = transactions.get(i + INHERENTS)!;
      outcomes[at] = outcome;
      const { by } = calls[at]!;
      this.included.set(by, (this.included.get(by) ?? 0) + 1);
      this.fees.set(by, (this.fees.get(by) ?? 0n) + BigInt(outcome.fee));
      for (const event of outcome.events) {
        const [, name, who] = /^(Balances\.BalanceSet|System\.KilledAccount)\((@[^,)]+)/.exec(event) ?? [];
        if (who === undefined) continue;
        // What was paid before no longer shows in the balance, nor, where an account was removed, in the nonce.
        this.fees.set(who, 0n);
        if (name === 'System.KilledAccount') this.included.set(who, 0);
      }
    }
    return { calls: outcomes as CallOutcome[], hooks };
  }
}

/** The nonce is the first field of AccountInfo, u32. */
function nonceOf(state: RuntimeState, client: Client, by: string): number {
  const bytes = state.get(client.key(['System.Account', by])!);
  return bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

function refused(invalid: InvalidTransaction | undefined): CallOutcome {
  const what =
    invalid === undefined ? 'malformed' : `${invalid.name}${invalid.custom === undefined ? '' : ` ${invalid.custom}`}`;
  return { result: `pool ${what}`, events: [], fee: 0 };
}
