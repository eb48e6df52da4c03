import type { RuntimeState } from '../../runtime.ts';

/** A runtime API trait: described in metadata V15, called as `Name_method`. */
export interface RuntimeApi {
  name: string;
  version: number;
  methods: Readonly<Record<string, RuntimeApiMethod>>;
}

export interface RuntimeApiMethod {
  inputs: Readonly<Record<string, string>>;
  output: string;
  /** Arguments in the order of `inputs`. */
  run(state: RuntimeState, args: readonly unknown[]): unknown;
}
