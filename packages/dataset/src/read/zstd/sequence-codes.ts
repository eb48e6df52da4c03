import { FseTable } from './fse-table.ts';

/** What a code of a length stands for: bits to read, and what they are added to (RFC 8878, 3.1.1.3.2.1.1). */
interface Codes {
  readonly bits: Uint8Array;
  readonly base: Int32Array;
}

/** @param plain how many codes, the first ones, stand for one length each; `bits` are those of the others. */
function codes(first: number, plain: number, bits: readonly number[]): Codes {
  const all = Uint8Array.from({ length: plain + bits.length }, (_, code) => bits[code - plain] ?? 0);
  const base = new Int32Array(all.length);
  let next = first;
  for (const [code, width] of all.entries()) {
    base[code] = next;
    next += 1 << width;
  }
  return { bits: all, base };
}

export const LITERAL_LENGTHS = codes(0, 16, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
export const MATCH_LENGTHS = codes(3, 32, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

/** The tables that need no description (RFC 8878, 3.1.1.3.2.2). */
const LITERAL_SHARES = [
  4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
];
const MATCH_SHARES = [
  1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
  1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];
const OFFSET_SHARES = [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];

/** The table in use of one of the three codes: the known one, or one of its own that the blocks describe. */
export class SequenceTable {
  /** Undefined before the first block of a frame. */
  current: FseTable | undefined;
  readonly #known: FseTable;
  readonly #own: FseTable;

  constructor(shares: readonly number[], log: number, maxLog: number, maxSymbol: number) {
    this.#known = new FseTable(log, maxSymbol);
    this.#known.build(Int16Array.from(shares), log);
    this.#own = new FseTable(maxLog, maxSymbol);
  }

  useKnown(): void {
    this.current = this.#known;
  }

  repeat(symbol: number): void {
    this.#own.repeat(symbol);
    this.current = this.#own;
  }

  /** @returns the place behind the description. @throws ZstdFault. */
  read(bytes: Uint8Array, at: number, end: number): number {
    this.current = this.#own;
    return this.#own.read(bytes, at, end);
  }
}

/** Of literal lengths, offsets and match lengths, in the order in which a block describes them. */
export const sequenceTables = () =>
  [
    new SequenceTable(LITERAL_SHARES, 6, 9, LITERAL_LENGTHS.bits.length - 1),
    new SequenceTable(OFFSET_SHARES, 5, 8, 31),
    new SequenceTable(MATCH_SHARES, 6, 9, MATCH_LENGTHS.bits.length - 1),
  ] as const;
