import { Decompress } from 'fzstd';

/** RFC 8878, 3.1: magic number, and that of a skippable frame (its low 4 bits are free). */
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_HEADER_BYTES = 18;
const MAX_BLOCK_BYTES = 128 * 1024;
/**
 * Largest window: what the RFC asks decoders to support, and what `zstd` needs up to level 19. Larger ones (`--ultra`,
 * `--long`) would cost their size in memory.
 */
export const MAX_ZSTD_WINDOW_BYTES = 8 * 1024 ** 2;
/**
 * The decoder moves its window by one block at a time, so blocks of a few bytes under a large window make it copy for
 * hours. Full blocks under the largest window copy 64 bytes for each byte that comes out.
 */
const COPIES = { perByte: 64, free: 8 * 1024 ** 3 } as const;
const BLOCK = { raw: 0, rle: 1, compressed: 2 } as const;

const NOTHING = new Uint8Array(0);

/** What is wrong with a zstd stream; the caller knows whose it is. */
export class ZstdFault extends Error {
  override readonly name = 'ZstdFault';
}

/**
 * Unpacks a zstd stream of any number of frames, skippable ones too, block by block: at most one window and one block in
 * memory. Walks the framing itself, since fzstd allocates whatever window a frame names and does not tell a cut stream.
 * Content checksums are not compared. One piece out is at most 128 KiB, and may be empty.
 */
export class ZstdFrames {
  #waiting: Buffer = Buffer.alloc(0);
  /** Behind `#waiting`, not joined to it before as many bytes are there as the next step needs. */
  #more: Uint8Array[] = [];
  #moreBytes = 0;
  #needed = 0;
  #skip = 0;
  #frame: { decoder: Decompress; head: Buffer | undefined; window: number; checksum: boolean } | undefined;
  #out: Uint8Array[] = [];
  #unpacked = 0;
  #copied = 0;

  /** @throws ZstdFault. */
  *push(chunk: Uint8Array): Iterable<Uint8Array> {
    this.#more.push(Buffer.from(chunk));
    this.#moreBytes += chunk.length;
    if (this.#waiting.length + this.#moreBytes < this.#needed) return;
    this.#waiting = Buffer.concat([this.#waiting, ...this.#more]);
    this.#more = [];
    this.#moreBytes = 0;
    this.#needed = 0;
    while (this.#step()) {
      // Also where nothing came out, so that the caller can let the event loop turn.
      yield* this.#out.length > 0 ? this.#out : [NOTHING];
      this.#out = [];
    }
  }

  /** @throws ZstdFault where the stream ends inside a frame. */
  end(): void {
    const left = this.#waiting.length + this.#moreBytes;
    if (this.#frame !== undefined || this.#skip > 0 || left > 0) throw new ZstdFault('it ends early');
  }

  /** One header, block or stretch to skip; false when more bytes are needed. */
  #step(): boolean {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, this.#waiting.length);
      this.#skip -= skipped;
      this.#waiting = this.#waiting.subarray(skipped);
      return skipped > 0;
    }
    return this.#frame === undefined ? this.#header() : this.#block();
  }

  #header(): boolean {
    const bytes = this.#waiting;
    if (bytes.length < 5) return false;
    const magic = bytes.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      if (bytes.length < 8) return false;
      this.#skip = 8 + bytes.readUInt32LE(4);
      return true;
    }
    if (magic !== FRAME_MAGIC) throw new ZstdFault('a frame does not begin as one');
    const length = headerLength(bytes[4]!);
    if (bytes.length < length) return false;
    // A copy without the checksum flag: the walk here takes the checksum off, and the decoder waits for none.
    const head = Buffer.from(bytes.subarray(0, length));
    const checksum = (head[4]! & 4) !== 0;
    head[4]! &= ~4;
    const window = windowBytes(head);
    this.#spend(window);
    const decoder = new Decompress((piece) => {
      this.#unpacked += piece.length;
      if (piece.length > 0) this.#out.push(piece);
    });
    this.#frame = { decoder, head, window, checksum };
    this.#waiting = bytes.subarray(length);
    return true;
  }

  #block(): boolean {
    const bytes = this.#waiting;
    if (bytes.length < 3) return false;
    const header = bytes.readUIntLE(0, 3);
    const [isLast, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3];
    if (size > MAX_BLOCK_BYTES) throw new ZstdFault(`a block has ${size} bytes`);
    if (type > BLOCK.compressed) throw new ZstdFault('a block is of no known type');
    const length = 3 + (type === BLOCK.rle ? 1 : size);
    if (bytes.length < length) {
      this.#needed = length;
      return false;
    }
    const { decoder, head, window, checksum } = this.#frame!;
    this.#spend(window);
    const block = bytes.subarray(0, length);
    try {
      decoder.push(head === undefined ? block : Buffer.concat([head, block]), isLast);
    } catch (error) {
      throw new ZstdFault(error instanceof Error ? error.message : String(error));
    }
    this.#frame!.head = undefined;
    if (isLast) {
      this.#frame = undefined;
      if (checksum) this.#skip = 4;
    }
    this.#waiting = bytes.subarray(length);
    return true;
  }

  #spend(bytes: number): void {
    this.#copied += bytes;
    if (this.#copied > COPIES.free + COPIES.perByte * this.#unpacked) {
      throw new ZstdFault('it is packed in too many small blocks');
    }
  }
}

function headerLength(flags: number): number {
  const singleSegment = (flags >> 5) & 1;
  const dictionary = [0, 1, 2, 4][flags & 3]!;
  const content = flags >> 6 === 0 ? singleSegment : 1 << (flags >> 6);
  return Math.min(MAX_HEADER_BYTES, 5 + (1 - singleSegment) + dictionary + content);
}

function windowBytes(head: Buffer): number {
  const flags = head[4]!;
  if (flags & 8) throw new ZstdFault('a frame has a reserved bit set');
  if (flags & 3) throw new ZstdFault('it was packed with a dictionary');
  const size = (flags >> 5) & 1 ? contentBytes(head, flags >> 6) : describedBytes(head[5]!);
  if (size <= MAX_ZSTD_WINDOW_BYTES) return size;
  throw new ZstdFault(
    `its window is ${Math.ceil(size / 2 ** 20)} MiB, the limit is ${MAX_ZSTD_WINDOW_BYTES / 2 ** 20}: pack it with level 19 or less and without --long`,
  );
}

/** Window_Descriptor: exponent in the high 5 bits, eighths in the low 3. */
function describedBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Frame_Content_Size, which is the window of a single segment. */
function contentBytes(head: Buffer, sizeFlag: number): number {
  if (sizeFlag === 0) return head[5]!;
  if (sizeFlag === 1) return head.readUInt16LE(5) + 256;
  return sizeFlag === 2 ? head.readUInt32LE(5) : Number(head.readBigUInt64LE(5));
}
