/** Bytes of WebAssembly: of one instruction, or of several in a row. */
export type Code = readonly number[];

/** Value types, by their byte in the binary format. */
export const I32 = 0x7f;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof F32 | typeof F64 | typeof V128;

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Local variables after the parameters. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

const SECTION = { types: 1, imports: 2, functions: 3, exports: 7, code: 10 } as const;
const FUNCTION_TYPE = 0x60;
const MEMORY_IMPORT = 0x02;
const END = 0x0b;

/** A module that exports these functions and imports its memory as `env.memory` (WebAssembly core specification 2.0, §5). */
export function encodeModule(functions: readonly WasmFunction[]): Uint8Array {
  const types = functions.map(({ parameters, results }) => [
    FUNCTION_TYPE,
    ...list(parameters.map((type) => [type])),
    ...list(results.map((type) => [type])),
  ]);
  const bodies = functions.map(({ locals, body }) => {
    const code = [...list(locals.map((type) => [1, type])), ...body, END];
    return [...unsigned(code.length), ...code];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(SECTION.types, types),
    ...section(SECTION.imports, [[...name('env'), ...name('memory'), MEMORY_IMPORT, 0x00, 1]]),
    ...section(SECTION.functions, [...functions.keys()].map(unsigned)),
    ...section(
      SECTION.exports,
      functions.map((one, index) => [...name(one.name), 0x00, ...unsigned(index)]),
    ),
    ...section(SECTION.code, bodies),
  ]);
}

/** LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function list(items: readonly Code[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, items: readonly Code[]): number[] {
  const content = list(items);
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): number[] {
  return list([...Buffer.from(text)].map((byte) => [byte]));
}
