const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** No content size; a window of 128 KiB. */
const HEADER = Buffer.from([...MAGIC, 0x00, 7 << 3]);
const BLOCK_BYTES = 128 * 1024;

function block(type: 0 | 1, size: number, isLast: boolean, body: Uint8Array): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (type << 1) | (isLast ? 1 : 0), 0, 3);
  return Buffer.concat([header, body]);
}

/** One zstd frame of uncompressed blocks (RFC 8878, 3.1): Node 20 cannot write any other. */
export function zstdFrame(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const blocks: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK_BYTES) {
    const part = bytes.subarray(at, at + BLOCK_BYTES);
    blocks.push(block(0, part.length, at + BLOCK_BYTES >= bytes.length, part));
  }
  return Buffer.concat([HEADER, ...blocks]);
}

/** One frame that unpacks to `count` times one character: 4 bytes for each 128 KiB. */
export function zstdRle(char: string, count: number): Buffer {
  const blocks: Buffer[] = [];
  for (let left = count; left > 0; left -= BLOCK_BYTES) {
    blocks.push(block(1, Math.min(left, BLOCK_BYTES), left <= BLOCK_BYTES, Buffer.from(char)));
  }
  return Buffer.concat([HEADER, ...blocks]);
}

export function zstdSkippable(bytes: number): Buffer {
  const header = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  header.writeUInt32LE(bytes, 4);
  return Buffer.concat([header, Buffer.alloc(bytes, 0xee)]);
}
