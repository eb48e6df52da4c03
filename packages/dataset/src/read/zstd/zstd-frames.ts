import { PADDING } from './bits.ts';
import { BLOCK, BlockDecoder, MAX_BLOCK_BYTES } from './block-decoder.ts';
import { type FrameHeader, frameHeader, headerLength, LEAST_HEADER_BYTES } from './frame-header.ts';
import { ZstdFault } from './zstd-fault.ts';

/** RFC 8878, 3.1: magic number, and that of a skippable frame (its low 4 bits are free). */
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_HEADER_BYTES = 8;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** A block may have tables to build for a byte that comes out. zstd fills its blocks, or ends one where a writer flushed. */
const BLOCKS = { free: 100_000, bytesEach: 16 } as const;

const NOTHING = new Uint8Array(0);

/** What the next bytes are. */
type Part = 'header' | 'block header' | 'block';

/**
 * Unpacks a zstd stream of any number of frames, skippable ones too, in memory made once: twice a window and some
 * blocks. Content checksums are not compared.
 */
export class ZstdFrames {
  readonly #decoder = new BlockDecoder();
  /** Where a header or block is gathered from the chunks; `#have` bytes of `#need` are there. */
  readonly #gathered = Buffer.alloc(PADDING + MAX_BLOCK_BYTES + PADDING);
  #have = 0;
  #need = LEAST_HEADER_BYTES;
  #part: Part = 'header';
  #skip = 0;
  #frame: (FrameHeader & { unpacked: number }) | undefined;
  #block = { type: 0, size: 0, isLast: false };
  #blocks = 0;
  #unpacked = 0;

  /**
   * What comes out, at most 128 KiB at a time: it may be empty, so that the caller can let the event loop turn, and is
   * overwritten when the next piece is asked for.
   * @throws ZstdFault.
   */
  *push(chunk: Uint8Array): Iterable<Uint8Array> {
    for (let at = 0; ; ) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (this.#skip > 0) return;
      const taken = Math.min(this.#need - this.#have, chunk.length - at);
      this.#gathered.set(chunk.subarray(at, at + taken), PADDING + this.#have);
      this.#have += taken;
      at += taken;
      if (this.#have < this.#need) return;
      yield this.#step();
    }
  }

  /** @throws ZstdFault where the stream ends inside a frame. */
  end(): void {
    if (this.#frame !== undefined || this.#skip > 0 || this.#have > 0) throw new ZstdFault('it ends early');
  }

  #step(): Uint8Array {
    const bytes = this.#gathered.subarray(PADDING, PADDING + this.#have);
    if (this.#part === 'header') this.#header(bytes);
    else if (this.#part === 'block header') this.#blockHeader(bytes.readUIntLE(0, BLOCK_HEADER_BYTES));
    else return this.#unpack();
    return NOTHING;
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#need = bytes;
    this.#have = 0;
  }

  #header(bytes: Buffer): void {
    const magic = bytes.readUInt32LE(0);
    const isSkippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
    if (!isSkippable && magic !== FRAME_MAGIC) throw new ZstdFault('a frame does not begin as one');
    const length = isSkippable ? SKIPPABLE_HEADER_BYTES : headerLength(bytes[4]!);
    if (bytes.length < length) {
      this.#need = length;
    } else if (isSkippable) {
      this.#skip = bytes.readUInt32LE(4);
      this.#expect('header', LEAST_HEADER_BYTES);
    } else {
      this.#frame = { ...frameHeader(bytes), unpacked: 0 };
      this.#decoder.startFrame(this.#frame.windowBytes);
      this.#expect('block header', BLOCK_HEADER_BYTES);
    }
  }

  #blockHeader(header: number): void {
    const [isLast, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3];
    if (size > MAX_BLOCK_BYTES) throw new ZstdFault(`a block has ${size} bytes`);
    if (type > BLOCK.compressed) throw new ZstdFault('a block is of no known type');
    this.#block = { type, size, isLast };
    this.#expect('block', type === BLOCK.rle ? 1 : size);
  }

  #unpack(): Uint8Array {
    if (++this.#blocks > BLOCKS.free + this.#unpacked / BLOCKS.bytesEach) {
      throw new ZstdFault('it is packed in too many small blocks');
    }
    const { type, size, isLast } = this.#block;
    const frame = this.#frame!;
    const piece = this.#decoder.decode(type, size, this.#gathered, PADDING, PADDING + this.#have);
    this.#unpacked += piece.length;
    frame.unpacked += piece.length;
    if (isLast) this.#endFrame(frame);
    else this.#expect('block header', BLOCK_HEADER_BYTES);
    return piece;
  }

  #endFrame({ contentBytes, unpacked, hasChecksum }: FrameHeader & { unpacked: number }): void {
    if (contentBytes !== undefined && contentBytes !== unpacked) {
      throw new ZstdFault(`a frame unpacks to ${unpacked} bytes, its header names ${contentBytes}`);
    }
    this.#frame = undefined;
    if (hasChecksum) this.#skip = CHECKSUM_BYTES;
    this.#expect('header', LEAST_HEADER_BYTES);
  }
}
