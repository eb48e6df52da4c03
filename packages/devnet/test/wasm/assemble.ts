/** Assembles the tiny WebAssembly modules of these tests (https://webassembly.github.io/spec/core/binary). */
export interface GuestFunction {
  /** Exported under this name; takes (i32, i32) and gives i64, as a runtime's methods do. */
  name: string;
  /** Instructions without the final `end`. */
  body: readonly number[];
}

export interface GuestImport {
  name: string;
  params: readonly number[];
  results: readonly number[];
}

export const I32 = 0x7f;
export const I64 = 0x7e;

export const op = {
  unreachable: [0x00],
  call: (index: number) => [0x10, ...leb(index)],
  localGet: (index: number) => [0x20, index],
  i32Const: (value: number) => [0x41, ...signedLeb(value)],
  i64Const: (value: number) => [0x42, ...signedLeb(value)],
  load8: (offset: number) => [0x2d, 0, ...leb(offset)],
  store8: (offset: number) => [0x3a, 0, ...leb(offset)],
  i32Add: [0x6a],
  i64Or: [0x84],
  i64Shl: [0x86],
  extend: [0xad],
  drop: [0x1a],
};

/** The span of the arguments: pointer | length << 32. */
export const ECHO = [
  ...op.localGet(0),
  ...op.extend,
  ...op.localGet(1),
  ...op.extend,
  ...op.i64Const(32),
  ...op.i64Shl,
  ...op.i64Or,
];

/** Static memory ends here; the stack pointer, the only mutable global, starts at 1024. */
export const HEAP_BASE = 2048;
const STACK_TOP = 1024;

/** A module with imported memory of one page, as rustc lays out a runtime. */
export function assemble(
  functions: readonly GuestFunction[],
  imports: readonly GuestImport[] = [],
  custom: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const methodType = imports.length;
  const types = [...imports.map(({ params, results }) => [params, results] as const), [[I32, I32], [I64]] as const];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      vector(types.map(([params, results]) => [0x60, ...vector(bytes(params)), ...vector(bytes(results))])),
    ),
    ...section(
      2,
      vector([
        [...text('env'), ...text('memory'), 0x02, 0x00, 1],
        ...imports.map(({ name }, i) => [...text('env'), ...text(name), 0x00, ...leb(i)]),
      ]),
    ),
    ...section(3, vector(functions.map(() => leb(methodType)))),
    ...section(
      6,
      vector([
        [I32, 1, ...op.i32Const(STACK_TOP), 0x0b],
        [I32, 0, ...op.i32Const(HEAP_BASE), 0x0b],
      ]),
    ),
    ...section(
      7,
      vector([
        [...text('__heap_base'), 0x03, 1],
        ...functions.map(({ name }, i) => [...text(name), 0x00, ...leb(imports.length + i)]),
      ]),
    ),
    ...section(
      10,
      vector(
        functions.map(({ body }) => {
          const code = [0, ...body, 0x0b];
          return [...leb(code.length), ...code];
        }),
      ),
    ),
    ...Object.entries(custom).flatMap(([name, content]) => section(0, [...text(name), ...content])),
  ]);
}

function bytes(values: readonly number[]): number[][] {
  return values.map((value) => [value]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...leb(items.length), ...items.flat()];
}

function text(value: string): number[] {
  return [...leb(Buffer.byteLength(value)), ...Buffer.from(value)];
}

function leb(value: number): number[] {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...leb(value >>> 7)];
}

function signedLeb(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40);
  return done ? [low] : [low | 0x80, ...signedLeb(rest)];
}
