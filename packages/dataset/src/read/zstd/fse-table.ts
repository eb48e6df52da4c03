import { bitsAt, highestBit } from './bits.ts';
import { ZstdFault } from './zstd-fault.ts';

const LEAST_LOG = 5;
const MAX_SYMBOLS = 256;
/** Used by one call at a time. */
const counts = new Int16Array(MAX_SYMBOLS);
const nextStates = new Uint16Array(MAX_SYMBOLS);

/** A table of finite state entropy (RFC 8878, 4.1), in arrays made once: for each state its symbol and the way to the next. */
export class FseTable {
  readonly symbol: Uint8Array;
  /** Bits to read, and what they are added to. */
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
  /** States are numbers of so many bits. */
  log = 0;
  readonly #maxLog: number;
  readonly #maxSymbol: number;

  constructor(maxLog: number, maxSymbol: number) {
    this.#maxLog = maxLog;
    this.#maxSymbol = maxSymbol;
    this.symbol = new Uint8Array(1 << maxLog);
    this.bits = new Uint8Array(1 << maxLog);
    this.base = new Uint16Array(1 << maxLog);
  }

  /** One that says the same symbol for ever. */
  repeat(symbol: number): void {
    if (symbol > this.#maxSymbol) throw new ZstdFault(`a code is ${symbol}, the largest is ${this.#maxSymbol}`);
    this.log = 0;
    this.symbol[0] = symbol;
    this.bits[0] = 0;
    this.base[0] = 0;
  }

  /** Reads the description at `at`. @returns the place behind it. @throws ZstdFault. */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) throw new ZstdFault('a table of codes is cut off');
    const log = (bytes[at]! & 15) + LEAST_LOG;
    if (log > this.#maxLog) throw new ZstdFault(`a table of codes has 2^${log} states`);
    let bit = at * 8 + 4;
    let remaining = 1 << log;
    let symbol = 0;
    while (remaining > 0 && symbol <= this.#maxSymbol && bit <= end * 8) {
      // A value up to remaining + 1; the smaller ones have one bit less.
      const width = highestBit(remaining + 1) + 1;
      const few = (1 << (width - 1)) - 1;
      const short = (1 << width) - 2 - remaining;
      let value = bitsAt(bytes, bit, width);
      bit += width;
      if ((value & few) < short) {
        value &= few;
        bit--;
      } else if (value > few) value -= short;
      counts[symbol++] = value - 1;
      remaining -= Math.abs(value - 1);
      for (let more = value === 1 ? 3 : 0; more === 3; ) {
        more = bitsAt(bytes, bit, 2);
        bit += 2;
        for (let i = 0; i < more && symbol <= this.#maxSymbol; i++) counts[symbol++] = 0;
        if (bit > end * 8) break;
      }
    }
    const behind = Math.ceil(bit / 8);
    if (remaining !== 0 || behind > end) throw new ZstdFault('a table of codes is broken');
    this.build(counts.subarray(0, symbol), log);
    return behind;
  }

  /** @param shares of the states for each symbol; -1 is one state, of a symbol less likely than that. */
  build(shares: Int16Array, log: number): void {
    const size = 1 << log;
    let high = size;
    for (const [symbol, share] of shares.entries()) {
      nextStates[symbol] = Math.abs(share);
      if (share === -1) this.symbol[--high] = symbol;
    }
    const step = (size >> 1) + (size >> 3) + 3;
    let place = 0;
    for (const [symbol, share] of shares.entries()) {
      for (let i = 0; i < share; i++) {
        this.symbol[place] = symbol;
        do place = (place + step) & (size - 1);
        while (place >= high);
      }
    }
    if (place !== 0) throw new ZstdFault('a table of codes does not come out even');
    for (let state = 0; state < size; state++) {
      const next = nextStates[this.symbol[state]!]!++;
      const bits = log - highestBit(next);
      this.bits[state] = bits;
      this.base[state] = (next << bits) - size;
    }
    this.log = log;
  }
}
