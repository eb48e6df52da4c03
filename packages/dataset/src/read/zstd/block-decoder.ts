import { PADDING } from './bits.ts';
import { History } from './history.ts';
import { Literals } from './literals.ts';
import { Sequences } from './sequences.ts';
import { ZstdFault } from './zstd-fault.ts';

export const MAX_BLOCK_BYTES = 128 * 1024;
export const BLOCK = { raw: 0, rle: 1, compressed: 2 } as const;

/** Unpacks the blocks of one frame after the other (RFC 8878, 3.1.1.2) in memory made once. */
export class BlockDecoder {
  readonly #history = new History();
  readonly #literals = new Literals(MAX_BLOCK_BYTES);
  readonly #sequences = new Sequences();
  /** The most bytes that a block of this frame may unpack to. */
  #maxBlock = 0;

  startFrame(windowBytes: number): void {
    this.#maxBlock = Math.min(windowBytes, MAX_BLOCK_BYTES);
    this.#history.startFrame(windowBytes, this.#maxBlock);
    this.#literals.reset();
    this.#sequences.reset();
  }

  /**
   * @param bytes with the block's from `start` to `end`, and PADDING more before and behind them.
   * @param size what the block's header names.
   * @returns what came out; overwritten by later blocks. @throws ZstdFault.
   */
  decode(type: number, size: number, bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (start < PADDING || end + PADDING > bytes.length) throw new RangeError('no padding around a block');
    this.#history.startBlock(this.#maxBlock);
    if (type === BLOCK.raw) this.#history.append(bytes, start, end);
    else if (type === BLOCK.rle) this.#history.fill(bytes[start]!, size);
    else {
      if (end - start < 2) throw new ZstdFault('a block is cut off');
      const behind = this.#literals.read(bytes, start, end);
      this.#sequences.run(bytes, behind, end, this.#literals, this.#history);
    }
    return this.#history.block;
  }
}
