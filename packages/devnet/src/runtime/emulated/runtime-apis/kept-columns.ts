import type { RuntimeState } from '../../runtime.ts';

/** Of some hundred subnets' worth. */
const MAX_KEPT = 1_024;

/**
 * What takes a storage read per neuron, kept from one state to the next: clients ask for it at every block, and most
 * blocks change nothing of it.
 */
export class KeptColumns {
  readonly #kept = new Map<string, { state: RuntimeState; value: unknown }>();

  /**
   * `compute`'s value; a former one where no key that starts with one of `prefixes` has been written since. `compute` may
   * read these keys only, and callers must not change what they get.
   */
  get<T>(state: RuntimeState, name: string, prefixes: readonly string[], compute: () => T): T {
    const known = this.#kept.get(name);
    if (known && state.unchangedSince(known.state, prefixes)) {
      // So the next question is about the blocks since this one, not since the value was computed.
      known.state = state;
      return known.value as T;
    }
    const value = compute();
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(name, { state, value });
    return value;
  }
}
