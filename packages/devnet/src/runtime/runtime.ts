/** What the node knows of a runtime: nothing about pallets. All bytes are SCALE. */
export interface RuntimeVersion {
  specName: string;
  implName: string;
  authoringVersion: number;
  specVersion: number;
  implVersion: number;
  /** [8-byte API id as '0x…', version] */
  apis: readonly (readonly [id: string, version: number])[];
  transactionVersion: number;
  stateVersion: number;
}

/** Key/value state that a runtime reads and writes; keys are '0x…' hexadecimal, ordered as strings. */
export interface RuntimeState {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
  delete(key: string): void;
  /** Live keys that start with `prefix`, in order. */
  keys(prefix: string): string[];
  /** The first live key behind `after`. */
  nextKey(after: string): string | undefined;
  /**
   * Whether every key that starts with one of `prefixes` has the value that `earlier` showed. false where that takes too
   * long to find out, or where either was written to.
   */
  unchangedSince(earlier: RuntimeState, prefixes: readonly string[]): boolean;
  /** Trie root (32 bytes) of everything; outside transactions only. */
  root(version: 0 | 1): Uint8Array;
  begin(): void;
  commit(): void;
  rollback(): void;
}

/** sp_runtime::transaction_validity::InvalidTransaction; `custom` is set for Custom only. */
export interface InvalidTransaction {
  name:
    | 'Call'
    | 'Payment'
    | 'Future'
    | 'Stale'
    | 'BadProof'
    | 'AncientBirthBlock'
    | 'ExhaustsResources'
    | 'Custom'
    | 'BadMandatory'
    | 'MandatoryValidation'
    | 'BadSigner'
    | 'IndeterminateImplicit'
    | 'UnknownOrigin';
  custom?: number;
}

/** A transaction is ready once every tag in `requires` was provided by another one or by the state. */
export interface ValidTransaction {
  provides: readonly string[];
  requires: readonly string[];
  priority: bigint;
  /** Blocks for which the validity holds. */
  longevity: number;
}

export type Validity =
  | { ok: true; valid: ValidTransaction }
  | { ok: false; invalid: InvalidTransaction }
  /** The bytes are no extrinsic of this runtime. */
  | { ok: false; malformed: string };

/** `included: false` leaves no trace in the block; a failed dispatch is included and shows in the events. */
export type ApplyResult = { included: true } | { included: false; invalid: InvalidTransaction };

export interface BlockInfo {
  number: number;
  parentHash: string;
  /** The author's clock, the same that `inherents` is given. */
  nowMs: number;
}

/** What a runtime with real roots puts into the header ('0x…'); without it the node uses its own stand-ins. */
export interface Seal {
  stateRoot: string;
  extrinsicsRoot: string;
  /** SCALE-encoded digest items. */
  logs: readonly string[];
}

export interface BlockRef {
  number: number;
  hash: string;
}

export interface Runtime {
  readonly version: RuntimeVersion;
  /** Newest first is not required; the client picks. */
  readonly metadataVersions: readonly number[];
  metadata(version: number): Uint8Array | undefined;
  /** Writes the state of block 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a runtime without real roots returns nothing
  buildGenesis(state: RuntimeState): Seal | void;
  /** Validity in the block after `best`; `state` is that of `best` and is thrown away afterwards. */
  validate(state: RuntimeState, extrinsic: Uint8Array, best: BlockRef): Validity;
  initialiseBlock(state: RuntimeState, block: BlockInfo): void;
  /** Extrinsics that the author puts first. */
  inherents(state: RuntimeState, nowMs: number): Uint8Array[];
  applyExtrinsic(state: RuntimeState, extrinsic: Uint8Array): ApplyResult;
  // biome-ignore lint/suspicious/noConfusingVoidType: as above
  finaliseBlock(state: RuntimeState): Seal | void;
  /** Runtime API call by its `Trait_method` name; undefined when this runtime has no such method. */
  call(state: RuntimeState, method: string, args: Uint8Array): Uint8Array | undefined;
}
