/** The floating formats of weights that are read; everything else (F64, I8, F8_E4M3, ...) is refused. */
export const WEIGHT_DTYPES = ['F32', 'F16', 'BF16'] as const;
export type WeightDtype = (typeof WEIGHT_DTYPES)[number];

export const DTYPE_BYTES: Readonly<Record<WeightDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/**
 * Little-endian weights as float32; exact for all three formats. `into` receives `bytes.length / DTYPE_BYTES[dtype]`
 * numbers from `offset` on.
 * @returns the index (in `into`) of the first NaN or infinity, or -1. Conversion stops there.
 */
export function decodeWeights(dtype: WeightDtype, bytes: Uint8Array, into: Float32Array, offset = 0): number {
  const count = bytes.length / DTYPE_BYTES[dtype];
  const bits = new Uint32Array(into.buffer, into.byteOffset + offset * 4, count);
  if (dtype === 'F32') {
    new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength).set(bytes);
    for (let i = 0; i < count; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) return offset + i;
    return -1;
  }
  const halves = asHalves(bytes);
  if (dtype === 'BF16') {
    for (let i = 0; i < count; i++) {
      const half = halves[i]!;
      if ((half & 0x7f80) === 0x7f80) return offset + i;
      bits[i] = half << 16;
    }
    return -1;
  }
  const table = f16Table();
  for (let i = 0; i < count; i++) {
    const half = halves[i]!;
    if ((half & 0x7c00) === 0x7c00) return offset + i;
    bits[i] = table[half]!;
  }
  return -1;
}

/** float32 to the named format, little endian; F16 and BF16 round to nearest even, F16 overflow becomes infinity. */
export function encodeWeights(dtype: WeightDtype, values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = dtype === 'BF16' ? toBf16(bits[i]!) : toF16(bits[i]!);
  return new Uint8Array(halves.buffer);
}

function asHalves(bytes: Uint8Array): Uint16Array {
  // A view needs an even address; file chunks have it unless a caller cut them oddly.
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}

function toBf16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function toF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: a count of 2^-24, rounded to nearest even by the addition of 0.5 ulp in floating arithmetic.
    scratch.setUint32(0, magnitude);
    const scaled = scratch.getFloat32(0) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
    return sign | (up ? floor + 1 : floor);
  }
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

const scratch = new DataView(new ArrayBuffer(4));
let table: Uint32Array | undefined;

/** float32 bits of each of the 65,536 halves. */
function f16Table(): Uint32Array {
  if (table) return table;
  table = new Uint32Array(65_536);
  for (let half = 0; half < 65_536; half++) {
    const exponent = (half >>> 10) & 31;
    const fraction = half & 0x3ff;
    const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    scratch.setFloat32(0, half & 0x8000 ? -magnitude : magnitude);
    table[half] = scratch.getUint32(0);
  }
  return table;
}
