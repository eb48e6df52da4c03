import type { RuntimeState } from '../runtime.ts';

/** For calls that answer without any state (version, metadata): nothing is stored, nothing is kept. */
export const NO_STATE: RuntimeState = {
  get: () => undefined,
  set: () => {},
  delete: () => {},
  keys: () => [],
  nextKey: () => undefined,
  unchangedSince: () => false,
  root: () => new Uint8Array(32),
  begin: () => {},
  commit: () => {},
  rollback: () => {},
};
