import { bitsAt, topOfStream } from './bits.ts';
import type { FseTable } from './fse-table.ts';
import type { History } from './history.ts';
import type { Literals } from './literals.ts';
import { LITERAL_LENGTHS, MATCH_LENGTHS, sequenceTables } from './sequence-codes.ts';
import { ZstdFault } from './zstd-fault.ts';

const MODE = { known: 0, repeated: 1, described: 2, last: 3 } as const;
const LONG_COUNT = 0x7f00;
/** Offsets of that many bits are over any window that is taken. */
const MAX_OFFSET_BITS = 24;
const FIRST_OFFSETS = [1, 4, 8] as const;

/** Runs the sequences of one block after the other (RFC 8878, 3.1.1.3.2): literals, then a match from what came before. */
export class Sequences {
  readonly #tables = sequenceTables();
  /** The last three offsets. */
  readonly #offsets = new Int32Array(FIRST_OFFSETS);

  /** A frame knows no table and no offset of an earlier one. */
  reset(): void {
    for (const table of this.#tables) table.current = undefined;
    this.#offsets.set(FIRST_OFFSETS);
  }

  /** Reads the section from `at` to `end` and writes the block. @throws ZstdFault. */
  run(block: Uint8Array, at: number, end: number, literals: Literals, history: History): void {
    const header = countAt(block, at, end);
    if (header.count === 0) {
      if (header.behind !== end) throw new ZstdFault('a block goes on behind its end');
      history.append(literals.bytes, 0, literals.length);
      return;
    }
    const start = this.#readTables(block, header.behind, end);
    const used = this.#walk(block, start, end, header.count, literals, history);
    history.append(literals.bytes, used, literals.length);
  }

  #readTables(block: Uint8Array, from: number, end: number): number {
    const modes = from < end ? block[from]! : 3;
    if (modes & 3) throw new ZstdFault('a block has reserved bits set');
    let at = from + 1;
    for (const [i, table] of this.#tables.entries()) {
      const mode = (modes >> (6 - 2 * i)) & 3;
      if (mode === MODE.known) table.useKnown();
      else if (mode === MODE.described) at = table.read(block, at, end);
      else if (mode === MODE.repeated) {
        if (at >= end) throw new ZstdFault('a block is cut off');
        table.repeat(block[at++]!);
      } else if (table.current === undefined) throw new ZstdFault('a block takes up a table that was never given');
    }
    return at;
  }

  /** @returns the literals that were used. */
  #walk(block: Uint8Array, start: number, end: number, count: number, literals: Literals, history: History): number {
    const [lengths, offsets, matches] = this.#tables.map(({ current }) => current!) as [FseTable, FseTable, FseTable];
    const floor = start * 8;
    let bit = topOfStream(block, start, end) - lengths.log - offsets.log - matches.log;
    if (bit < floor) throw new ZstdFault('sequences are cut off');
    let matchState = bitsAt(block, bit, matches.log);
    let offsetState = bitsAt(block, bit + matches.log, offsets.log);
    let lengthState = bitsAt(block, bit + matches.log + offsets.log, lengths.log);
    let used = 0;
    for (let left = count; left > 0; left--) {
      const offsetBits = offsets.symbol[offsetState]!;
      if (offsetBits > MAX_OFFSET_BITS) throw new ZstdFault('a match lies before the window');
      bit -= offsetBits;
      const offsetValue = (1 << offsetBits) + bitsAt(block, bit, offsetBits);
      const matchCode = matches.symbol[matchState]!;
      const matchBits = MATCH_LENGTHS.bits[matchCode]!;
      bit -= matchBits;
      const match = MATCH_LENGTHS.base[matchCode]! + bitsAt(block, bit, matchBits);
      const lengthCode = lengths.symbol[lengthState]!;
      const lengthBits = LITERAL_LENGTHS.bits[lengthCode]!;
      bit -= lengthBits;
      const length = LITERAL_LENGTHS.base[lengthCode]! + bitsAt(block, bit, lengthBits);
      if (left > 1) {
        const lengthStep = lengths.bits[lengthState]!;
        bit -= lengthStep;
        lengthState = lengths.base[lengthState]! + bitsAt(block, bit, lengthStep);
        const matchStep = matches.bits[matchState]!;
        bit -= matchStep;
        matchState = matches.base[matchState]! + bitsAt(block, bit, matchStep);
        const offsetStep = offsets.bits[offsetState]!;
        bit -= offsetStep;
        offsetState = offsets.base[offsetState]! + bitsAt(block, bit, offsetStep);
      }
      if (bit < floor) throw new ZstdFault('sequences are cut off');
      if (used + length > literals.length) throw new ZstdFault('sequences use more literals than there are');
      history.append(literals.bytes, used, used + length);
      used += length;
      history.repeat(this.#offset(offsetValue, length), match);
    }
    if (bit !== floor) throw new ZstdFault('sequences do not end where they should');
    return used;
  }

  /** Values up to 3 name one of the last offsets; without literals before it, the ones behind. */
  #offset(value: number, literals: number): number {
    const last = this.#offsets;
    if (value > 3) {
      last[2] = last[1]!;
      last[1] = last[0]!;
      last[0] = value - 3;
      return value - 3;
    }
    const which = literals === 0 ? value : value - 1;
    if (which === 0) return last[0]!;
    const offset = which === 3 ? last[0]! - 1 : last[which]!;
    if (which !== 1) last[2] = last[1]!;
    last[1] = last[0]!;
    last[0] = offset;
    return offset;
  }
}

function countAt(block: Uint8Array, at: number, end: number): { count: number; behind: number } {
  const first = at < end ? block[at]! : 0;
  const width = first < 128 ? 1 : first < 255 ? 2 : 3;
  if (at + width > end) throw new ZstdFault('a block is cut off');
  if (width === 1) return { count: first, behind: at + 1 };
  if (width === 2) return { count: ((first - 128) << 8) + block[at + 1]!, behind: at + 2 };
  return { count: block[at + 1]! + (block[at + 2]! << 8) + LONG_COUNT, behind: at + 3 };
}
