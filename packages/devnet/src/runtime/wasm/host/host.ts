import type { RuntimeState } from '../../runtime.ts';
import type { GuestMemory } from '../guest-memory.ts';

/** What the host functions work on during one call into the runtime. */
export interface Host {
  readonly memory: GuestMemory;
  readonly state: RuntimeState;
  /** Storage transactions that the runtime has open in this call. */
  depth: number;
  /** Level 1 (error) to 5 (trace). */
  log(level: number, target: string, message: string): void;
  /** The version that a runtime's code declares, SCALE-encoded; undefined when there is none. */
  runtimeVersionOf(code: Uint8Array): Uint8Array | undefined;
}

/** Parameters and results are i32 (number) or i64 (bigint); what a function without result gives is ignored. */
// biome-ignore lint/suspicious/noExplicitAny: the signature is the import's, which differs from function to function
export type HostFunction = (...args: any[]) => unknown;
export type HostFunctions = Readonly<Record<string, HostFunction>>;
