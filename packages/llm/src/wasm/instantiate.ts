import { encodeModule, type WasmFunction } from './encode.ts';

/** What we use of the global WebAssembly, which @types/node does not declare. */
interface WebAssemblyApi {
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: Record<string, Record<string, object>>,
  ) => { readonly exports: Readonly<Record<string, (...args: number[]) => number>> };
}

const PAGE_BYTES = 65_536;

/** Compiles the functions over a memory of their own. */
export function instantiate(functions: readonly WasmFunction[], memoryBytes: number) {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
  const memory = new WebAssembly.Memory({ initial: Math.ceil(memoryBytes / PAGE_BYTES) });
  const module = new WebAssembly.Module(encodeModule(functions));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { buffer: memory.buffer, exports };
}
