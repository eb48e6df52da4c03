/** MT19937 as CPython seeds it with a small int (`random.seed(n)`), for the one random file of the recordings. */
class MersenneTwister {
  readonly #state = new Uint32Array(624);
  #at = 624;

  constructor(seed: number) {
    const s = this.#state;
    s[0] = 19650218;
    for (let i = 1; i < 624; i++) s[i] = Math.imul(1812433253, s[i - 1]! ^ (s[i - 1]! >>> 30)) + i;
    // init_by_array with a key of one word
    let i = 1;
    for (let k = 624; k > 0; k--) {
      s[i] = (s[i]! ^ Math.imul(s[i - 1]! ^ (s[i - 1]! >>> 30), 1664525)) + seed;
      if (++i >= 624) {
        s[0] = s[623]!;
        i = 1;
      }
    }
    for (let k = 623; k > 0; k--) {
      s[i] = (s[i]! ^ Math.imul(s[i - 1]! ^ (s[i - 1]! >>> 30), 1566083941)) - i;
      if (++i >= 624) {
        s[0] = s[623]!;
        i = 1;
      }
    }
    s[0] = 0x8000_0000;
  }

  next(): number {
    const s = this.#state;
    if (this.#at >= 624) {
      for (let k = 0; k < 624; k++) {
        const y = (s[k]! & 0x8000_0000) | (s[(k + 1) % 624]! & 0x7fff_ffff);
        s[k] = s[(k + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908_b0df : 0);
      }
      this.#at = 0;
    }
    let y = s[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    return (y ^ (y >>> 18)) >>> 0;
  }
}

/** `random.seed(seed); random.randbytes(count)` of CPython: little-endian words; `count` is a multiple of 4. */
export function pythonRandomBytes(seed: number, count: number): Buffer {
  const generator = new MersenneTwister(seed);
  const out = Buffer.alloc(count);
  for (let at = 0; at + 4 <= count; at += 4) out.writeUInt32LE(generator.next(), at);
  return out;
}
