import type { DifferenceId } from './spec-differences.ts';

/**
 * What a call or a storage item is given. A string `@Bob` anywhere in it is the account of //Bob, `@Bob/hot` that of
 * //Bob/hot, `@subnet:2` the one that holds subnet 2's TAO; `inner(…)` is a call within a call; bytes are '0x…' or Uint8Array.
 */
export type Value = unknown;
export type Args = Readonly<Record<string, Value>>;

/** A call by the chain's own names ('SubtensorModule.serve_axon') with its arguments by name. */
export interface CallSpec {
  readonly call: string;
  readonly args: Args;
}

/** A call whose content depends on where the chain stands. */
export type Call = CallSpec | ((now: Now) => CallSpec | Promise<CallSpec>);

/** What a scenario may ask the chain it is played on. */
export interface Now {
  /** Number of the best block; the call will be in the next one. */
  readonly block: number;
  /** '0x…', 32 bytes, of '@Bob'. */
  publicKey(nickname: string): string;
  /** Whether the runtime has a call of this name. */
  hasCall(call: string): boolean;
  /** Reads a storage item of the best block, decoded by the client (toJSON). */
  storage(item: string, ...keys: Value[]): Promise<unknown>;
}

/** A storage item by the chain's names: ['SubtensorModule.Axons', 2, '@Bob']. */
export type ItemSpec = readonly [item: string, ...keys: Value[]];

/** A value to write: encoded by the item's type; `{ raw: '0x…' }` are its bytes; null removes the entry. */
export type Write = readonly [item: ItemSpec, value: Value];
/** Or raw entries ('0x…' key, value), for what a library makes (a drand pulse). A function of Now, where it depends on the block. */
export type Writes = readonly Write[] | ((now: Now) => readonly (Write | RawEntry)[]);
export type RawEntry = readonly [key: string, value: string | null];
export type RawEntries = readonly RawEntry[];

/** How a transaction is made, where a step wants it odd. */
export interface Signing {
  readonly nonce?: number;
  readonly tip?: bigint;
  /** Blocks of a mortal era, and the block it is said to be born in; default immortal. */
  readonly era?: { readonly period: number; readonly birth: number };
  /** Replaces what is signed along: SignatureOptions of polkadot.js (genesisHash, blockHash, runtimeVersion…). */
  readonly signed?: Readonly<Record<string, unknown>>;
  /** Changes the finished transaction. */
  readonly tamper?: (bytes: Uint8Array) => Uint8Array;
}

interface Common {
  /** Says what the step is about; unique in its scenario. */
  readonly name: string;
  /** Items whose bytes after the step belong to its outcome. */
  readonly read?: readonly ItemSpec[];
  /** Only the result is told: for steps that set a scene which another scenario looks at in full. */
  readonly sceneOnly?: boolean;
  /** Where the spec that we emulate does otherwise than the recorded one. */
  readonly differs?: Difference;
}

/**
 * `at424` replaces those members of the recorded outcome that it names (storage by item); a result that is a refusal
 * takes events and fee away.
 */
export interface Difference {
  readonly ids: readonly DifferenceId[];
  readonly at424: Partial<Outcome>;
}

export type Step = Common &
  (
    | { readonly kind: 'call'; readonly by: string; readonly call: Call; readonly signing?: Signing }
    | { readonly kind: 'submit'; readonly by: string; readonly call: Call; readonly signing?: Signing }
    | { readonly kind: 'blocks'; readonly count: number }
    | { readonly kind: 'level'; readonly writes: Writes }
    | { readonly kind: 'read' }
  );

/** What came of a step. Everything in it is text that reads the same on every runtime of one spec. */
export interface Outcome {
  /**
   * 'ok', 'pooled'; 'Pallet.Error' or another dispatch error (of the call within sudo, too); 'pool 1010 …' where it was
   * refused; 'absent: Pallet.call' where this runtime has no such call.
   */
  readonly result: string;
  /** 'Pallet.Event(values)' of the transaction, without what only tells of fees, weight and success. */
  readonly events?: readonly string[];
  /** Events of the blocks' own hooks, and which pooled transactions came into the blocks: 'name: result'. */
  readonly blockEvents?: readonly string[];
  readonly included?: readonly string[];
  /** RAO that the signer paid for inclusion, tip included. Amounts are compared in scenarios with `exactFees` only. */
  readonly fee?: number;
  /** 'Pallet.Item(keys)' → '0x…', null (no entry) or 'absent' (no such item at this spec). */
  readonly storage?: Readonly<Record<string, string | null>>;
}

export interface Scenario {
  /** Names the vector: test/vectors/conformance-<name>.json. */
  readonly name: string;
  readonly steps: readonly Step[];
  /** Hold the fees to the last RAO. */
  readonly exactFees?: boolean;
  /** Start the node with a drand network of its own. */
  readonly beacon?: boolean;
}

export type More = Pick<Common, 'read' | 'differs' | 'sceneOnly'> & { readonly signing?: Signing };

export function scenario(name: string, steps: readonly (Step | readonly Step[])[], options: Partial<Scenario> = {}) {
  const all = steps.flat() as Step[];
  const names = all.map((step) => step.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) throw new Error(`scenario ${name} has two steps named "${twice}"`);
  return { ...options, name, steps: all } satisfies Scenario as Scenario;
}

/** A signed call, then one block. */
export function call(name: string, by: string, target: string | Call, args: Args = {}, more: More = {}): Step {
  return { ...more, kind: 'call', name, by, call: callOf(target, args) };
}

/** The same through sudo (//Alice). */
export function sudo(name: string, target: string, args: Args, more: More = {}): Step {
  return call(name, '@Alice', 'Sudo.sudo', { call: inner(target, args) }, more);
}

/** Into the pool without a block: 'pooled', or how it was refused. */
export function submit(name: string, by: string, target: string | Call, args: Args = {}, more: More = {}): Step {
  return { ...more, kind: 'submit', name, by, call: callOf(target, args) };
}

export function blocks(name: string, count: number, more: Omit<More, 'signing'> = {}): Step {
  return { ...more, kind: 'blocks', name, count };
}

/**
 * Writes storage, to make unlike genesis states and defaults alike, or to set a scene. Items that a runtime does not know
 * are left out there; nothing is compared but what `read` names.
 */
export function level(name: string, writes: Writes, more: Omit<More, 'signing'> = {}): Step {
  return { ...more, kind: 'level', name, writes };
}

export function read(name: string, items: readonly ItemSpec[], differs?: Difference): Step {
  return { kind: 'read', name, read: items, ...(differs ? { differs } : {}) };
}

/** A call as an argument of another (sudo, batch, proxy). */
export function inner(target: string, args: Args = {}): CallSpec {
  return { call: target, args };
}

/** One difference, or several that a step meets at once. */
export function differs(ids: DifferenceId | readonly DifferenceId[], at424: Partial<Outcome>): Difference {
  return { ids: typeof ids === 'string' ? [ids] : ids, at424 };
}

function callOf(target: string | Call, args: Args): Call {
  return typeof target === 'string' ? { call: target, args } : target;
}
