/** The part of V8's WebAssembly that is used here; TypeScript declares it only together with the browser's DOM. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** In pages of 64 KiB; gives the former size. Throws RangeError when it cannot. */
  grow(pages: number): number;
}

export type WasmExport = WasmMemory | { readonly value: unknown } | ((...args: never[]) => unknown);

export interface WasmInstance {
  readonly exports: Readonly<Record<string, WasmExport>>;
}

export interface ImportDescriptor {
  readonly module: string;
  readonly name: string;
  readonly kind: 'function' | 'table' | 'memory' | 'global';
}

interface WebAssemblyApi {
  Module: {
    new (bytes: Uint8Array): WasmModule;
    imports(module: WasmModule): ImportDescriptor[];
    exports(module: WasmModule): { readonly name: string; readonly kind: string }[];
  };
  Instance: new (module: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance;
  Memory: new (descriptor: { initial: number; maximum?: number }) => WasmMemory;
}

export const { Module, Instance, Memory } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
export const PAGE_BYTES = 65_536;
