import { ZstdFault } from './zstd-fault.ts';

/** From here on the array's own copying is faster than a loop. */
const LOOP_BYTES = 48;

/**
 * What a frame unpacked last: a window for matches, and the block that is being written. The array is moved to its front
 * once for each window that came out, and kept for later frames.
 */
export class History {
  #bytes = new Uint8Array(0);
  #at = 0;
  #window = 0;
  #blockStart = 0;
  #blockEnd = 0;

  /** @param window the most bytes that a match lies back. */
  startFrame(window: number, maxBlock: number): void {
    this.#at = 0;
    this.#window = window;
    // No need of clean bytes: a match never reaches back before the frame.
    const bytes = window + Math.max(window, maxBlock) + maxBlock;
    if (this.#bytes.length < bytes) this.#bytes = new Uint8Array(bytes);
  }

  startBlock(maxBlock: number): void {
    if (this.#at + maxBlock > this.#bytes.length) {
      const kept = Math.min(this.#at, this.#window);
      this.#bytes.copyWithin(0, this.#at - kept, this.#at);
      this.#at = kept;
    }
    this.#blockStart = this.#at;
    this.#blockEnd = this.#at + maxBlock;
  }

  /** The block as far as it was written; overwritten by later ones. */
  get block(): Uint8Array {
    return this.#bytes.subarray(this.#blockStart, this.#at);
  }

  append(from: Uint8Array, start: number, end: number): void {
    this.#requireRoom(end - start);
    if (end - start < LOOP_BYTES) {
      const bytes = this.#bytes;
      let at = this.#at;
      for (let i = start; i < end; i++) bytes[at++] = from[i]!;
    } else this.#bytes.set(from.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  fill(byte: number, count: number): void {
    this.#requireRoom(count);
    this.#bytes.fill(byte, this.#at, this.#at + count);
    this.#at += count;
  }

  /** `count` bytes again from `offset` back; they may reach into themselves. @throws ZstdFault. */
  repeat(offset: number, count: number): void {
    const at = this.#at;
    if (offset < 1 || offset > at || offset > this.#window) throw new ZstdFault('a match lies before the window');
    this.#requireRoom(count);
    if (count < LOOP_BYTES || offset < count) {
      const bytes = this.#bytes;
      for (let i = at; i < at + count; i++) bytes[i] = bytes[i - offset]!;
    } else this.#bytes.copyWithin(at, at - offset, at - offset + count);
    this.#at = at + count;
  }

  #requireRoom(count: number): void {
    if (this.#at + count > this.#blockEnd) throw new ZstdFault('a block unpacks to more than a block may have');
  }
}
