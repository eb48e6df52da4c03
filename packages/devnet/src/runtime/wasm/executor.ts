import { errorMessage, isTuningError, type Logger, OperatorError } from '@tuning/kit';
import type { RuntimeState } from '../runtime.ts';
import { GuestMemory } from './guest-memory.ts';
import type { Host, HostFunction } from './host/host.ts';
import { importedFunctions } from './host/host-functions.ts';
import { type ModuleInfo, readModuleInfo } from './module-info.ts';
import { wasmOfCode } from './runtime-code.ts';
import {
  Instance,
  Memory,
  Module,
  PAGE_BYTES,
  type WasmInstance,
  type WasmMemory,
  type WasmModule,
} from './web-assembly.ts';

/** A call into the runtime that did not return: it panicked, ran into a trap, or called something it may not. */
export class RuntimeTrap extends Error {
  override readonly name = 'RuntimeTrap';
  readonly method: string;
  /** The runtime's own words, where it had any. */
  readonly panic: string | undefined;

  constructor(method: string, panic: string | undefined, cause: unknown) {
    super(`${method} failed: ${panic ?? errorMessage(cause)}`, { cause });
    this.method = method;
    this.panic = panic;
  }
}

/** Pages beyond what the module asks for: enough for most calls, little to create. */
const FIRST_HEAP_PAGES = 16;
/** An instance whose memory has grown beyond this (64 MiB) is not kept. */
const MAX_KEPT_PAGES = 1024;
const LEVEL_ERROR = 1;

type Entry = (pointer: number, length: number) => bigint;

interface Guest {
  instance: WasmInstance;
  memory: GuestMemory;
  /** What static memory held before the first call; undefined when the instance serves one call only. */
  image: { at: number; bytes: Uint8Array } | undefined;
}

/**
 * One runtime's code, ready to be called. A call that returns leaves the instance for the next one, with static memory
 * as it was at first; after a trap, and when the module has more state than its stack pointer, a new one is made.
 */
export class Executor {
  readonly info: ModuleInfo;
  readonly #module: WasmModule;
  readonly #imports: Record<string, HostFunction>;
  readonly #methods: ReadonlySet<string>;
  readonly #logger: Logger;
  readonly #host: Host & { memory: GuestMemory; state: RuntimeState };
  #guest: Guest | undefined;
  #panic: string | undefined;

  /** `code` as in `:code`. BadInputError RUNTIME_CODE_INVALID, WASM_INVALID. */
  constructor(code: Uint8Array, logger: Logger) {
    const wasm = wasmOfCode(code);
    this.info = readModuleInfo(wasm);
    this.#module = new Module(wasm);
    this.#logger = logger;
    this.#methods = new Set(
      Module.exports(this.#module)
        .filter(({ kind, name }) => kind === 'function' && name.includes('_'))
        .map(({ name }) => name),
    );
    const nothing = undefined as never;
    this.#host = {
      memory: nothing,
      state: nothing,
      depth: 0,
      log: (level, target, message) => this.#log(level, target, message),
      runtimeVersionOf: (other) => readModuleInfo(wasmOfCode(other)).customSections.get('runtime_version'),
    };
    this.#imports = importedFunctions(Module.imports(this.#module), this.#host);
  }

  has(method: string): boolean {
    return this.#methods.has(method);
  }

  /**
   * Calls an export and gives the bytes it returns. Storage transactions that a failed call left open are rolled back.
   * RuntimeTrap; OperatorError HOST_FUNCTION_MISSING.
   */
  call(state: RuntimeState, method: string, args: Uint8Array): Uint8Array {
    if (!this.has(method)) {
      throw new OperatorError(
        'RUNTIME_METHOD_MISSING',
        `the runtime has no ${method}: its version does not fit this devnet`,
        {
          details: { method },
        },
      );
    }
    const guest = this.#guest ?? this.#instantiate();
    this.#guest = undefined;
    const host = this.#host;
    Object.assign(host, { memory: guest.memory, state, depth: 0 });
    this.#panic = undefined;
    try {
      const pointer = guest.memory.put(args);
      const entry = guest.instance.exports[method] as unknown as Entry;
      const result = guest.memory.copy(entry(pointer, args.length));
      if (host.depth !== 0) throw new Error('the runtime left a storage transaction open');
      this.#keep(guest);
      return result;
    } catch (error) {
      for (; host.depth > 0; host.depth--) state.rollback();
      if (isTuningError(error)) throw error;
      throw new RuntimeTrap(method, this.#panic, error);
    }
  }

  #keep(guest: Guest): void {
    if (!guest.image || guest.memory.size > MAX_KEPT_PAGES * PAGE_BYTES) return;
    guest.memory.bytes.set(guest.image.bytes, guest.image.at);
    guest.memory.allocator.reset();
    this.#guest = guest;
  }

  #instantiate(): Guest {
    const pages = this.info.importedMemoryPages;
    const imported = pages === undefined ? undefined : new Memory({ initial: pages + FIRST_HEAP_PAGES });
    const instance = new Instance(this.#module, { env: { ...this.#imports, memory: imported } });
    const { __heap_base: heapBase, memory: own } = instance.exports;
    const memory = imported ?? (own as WasmMemory | undefined);
    const base = (heapBase as { value?: unknown } | undefined)?.value;
    if (!memory || typeof base !== 'number') {
      throw new OperatorError(
        'RUNTIME_UNSUPPORTED',
        'the WebAssembly module is no Substrate runtime: it has no memory or no export __heap_base',
      );
    }
    const guestMemory = new GuestMemory(memory, base);
    return { instance, memory: guestMemory, image: this.#image(guestMemory, base) };
  }

  /** Everything static lies below the heap; the stack, when it lies below the data, needs no restoring. */
  #image(memory: GuestMemory, heapBase: number): { at: number; bytes: Uint8Array } | undefined {
    const [stackTop, ...others] = this.info.mutableGlobals;
    if (stackTop === undefined || Number.isNaN(stackTop) || others.length > 0) return undefined;
    const bytes = memory.bytes.subarray(0, heapBase);
    const stackIsLow = stackTop < heapBase && bytes.subarray(0, stackTop).every((byte) => byte === 0);
    const at = stackIsLow ? stackTop : 0;
    return { at, bytes: new Uint8Array(bytes.subarray(at)) };
  }

  #log(level: number, target: string, message: string): void {
    if (level <= LEVEL_ERROR) this.#panic = message;
    this.#logger.debug({ target, message }, 'the runtime logs');
  }
}
