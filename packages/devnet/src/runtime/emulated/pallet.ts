import type { Fields, Variant } from '../../scale/codec.ts';
import type { RuntimeState } from '../runtime.ts';
import type { AnyStorageItem } from './storage.ts';

export type Origin = { kind: 'root' } | { kind: 'signed'; who: string } | { kind: 'none' };

/** What a call may use: the state of the block in progress, its number, events, and calls inside calls. */
export interface Context {
  readonly state: RuntimeState;
  readonly block: number;
  deposit(pallet: string, event: string, value?: unknown): void;
  /** Dispatches a call in its own transaction: an error undoes its writes and its events, and is thrown. */
  dispatch(call: Variant, origin: Origin): void;
  /**
   * Runs one of several independent steps in its own transaction. A dispatch error undoes the step and is given back as
   * its DispatchError value; undefined = it went well.
   */
  attempt(step: () => void): Variant | undefined;
  /** The same as dispatch, giving Result<(), DispatchError> as a value instead of throwing. */
  tryDispatch(call: Variant, origin: Origin): Variant;
}

export interface CallDescription {
  index: number;
  args: Readonly<Record<string, string>>;
  /** Pays::No: the signer needs no balance. */
  free?: boolean;
  /** Throws DispatchError; may return { free: true } to give the fee back (Sudo). */
  // biome-ignore lint/suspicious/noConfusingVoidType: most calls return nothing
  dispatch(context: Context, origin: Origin, args: never): void | { free: true };
}

export interface Pallet {
  name: string;
  index: number;
  /** Rust crate and module, e.g. 'pallet_subtensor::pallet': the path of its Call, Event and Error types. */
  path: string;
  storage?: Readonly<Record<string, AnyStorageItem>>;
  calls?: Readonly<Record<string, CallDescription>>;
  events?: readonly (readonly [name: string, index: number, fields: Fields])[];
  /** In order of their indices. */
  errors?: readonly string[];
  constants?: Readonly<Record<string, readonly [type: string, value: unknown]>>;
}

/** sp_runtime::DispatchError: `variant` is what goes into events. */
export class DispatchError extends Error {
  override readonly name = 'DispatchError';
  readonly variant: Variant;

  constructor(variant: Variant) {
    super(`${variant.kind} ${JSON.stringify(variant.value)}`);
    this.variant = variant;
  }
}

/** A module error is known by name here; the runtime turns the name into the index that clients look up. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
  readonly pallet: string;
  readonly error: string;

  constructor(pallet: string, error: string) {
    super(`${pallet}.${error}`);
    this.pallet = pallet;
    this.error = error;
  }
}

export const badOrigin = (): DispatchError => new DispatchError({ kind: 'BadOrigin', value: [] });
export const tokenError = (name: string): DispatchError =>
  new DispatchError({ kind: 'Token', value: { kind: name, value: [] } });

export const arithmeticError = (name: 'Underflow' | 'Overflow' | 'DivisionByZero'): DispatchError =>
  new DispatchError({ kind: 'Arithmetic', value: { kind: name, value: [] } });

export function ensureSigned(origin: Origin): string {
  if (origin.kind !== 'signed') throw badOrigin();
  return origin.who;
}

export function ensureRoot(origin: Origin): void {
  if (origin.kind !== 'root') throw badOrigin();
}
