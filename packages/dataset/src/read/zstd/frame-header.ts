import { ZstdFault } from './zstd-fault.ts';

/**
 * Largest window: what the RFC asks decoders to support, and what `zstd` needs up to level 19. Larger ones (`--ultra`,
 * `--long`) would cost their size in memory.
 */
export const MAX_ZSTD_WINDOW_BYTES = 8 * 1024 ** 2;
/** Bytes from which the length of a header is known. */
export const LEAST_HEADER_BYTES = 5;

export interface FrameHeader {
  windowBytes: number;
  /** What the frame unpacks to, where it says so. */
  contentBytes: number | undefined;
  hasChecksum: boolean;
}

/** @param flags the byte behind the magic number. */
export function headerLength(flags: number): number {
  const dictionary = [0, 1, 2, 4][flags & 3]!;
  return LEAST_HEADER_BYTES + (isSingleSegment(flags) ? 0 : 1) + dictionary + contentWidth(flags);
}

/** A whole header, magic number and all. @throws ZstdFault, before any room is made for what it names. */
export function frameHeader(bytes: Buffer): FrameHeader {
  const flags = bytes[4]!;
  if (flags & 8) throw new ZstdFault('a frame has a reserved bit set');
  if (flags & 3) throw new ZstdFault('it was packed with a dictionary');
  const contentBytes = contentWidth(flags) > 0 ? contentAt(bytes, flags) : undefined;
  const windowBytes = isSingleSegment(flags) ? contentBytes! : describedBytes(bytes[5]!);
  if (windowBytes > MAX_ZSTD_WINDOW_BYTES) {
    throw new ZstdFault(
      `its window is ${Math.ceil(windowBytes / 2 ** 20)} MiB, the limit is ${MAX_ZSTD_WINDOW_BYTES / 2 ** 20}: pack it with level 19 or less and without --long`,
    );
  }
  return { windowBytes, contentBytes, hasChecksum: (flags & 4) !== 0 };
}

/** The content is the window. */
function isSingleSegment(flags: number): boolean {
  return (flags & 0x20) !== 0;
}

/** Bytes of Frame_Content_Size. */
function contentWidth(flags: number): number {
  const width = flags >> 6;
  if (width === 0) return isSingleSegment(flags) ? 1 : 0;
  return 1 << width;
}

/** Window_Descriptor: exponent in the high 5 bits, eighths in the low 3. */
function describedBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentAt(bytes: Buffer, flags: number): number {
  const at = LEAST_HEADER_BYTES + (isSingleSegment(flags) ? 0 : 1);
  switch (contentWidth(flags)) {
    case 1:
      return bytes[at]!;
    case 2:
      return bytes.readUInt16LE(at) + 256;
    case 4:
      return bytes.readUInt32LE(at);
    default:
      return Number(bytes.readBigUInt64LE(at));
  }
}
