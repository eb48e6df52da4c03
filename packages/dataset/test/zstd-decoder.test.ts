import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZstdFault } from '../src/read/zstd/zstd-fault.ts';
import { ZstdFrames } from '../src/read/zstd/zstd-frames.ts';
import frames from './vectors/zstd-frames.json' with { type: 'json' };
import { zstdFrame } from './zstd-bytes.ts';

/** Pushed in pieces of `step` bytes. */
function unpack(packed: Uint8Array, step = packed.length): Buffer {
  const zstd = new ZstdFrames();
  const out: Buffer[] = [];
  for (let at = 0; at < packed.length; at += step) {
    for (const piece of zstd.push(packed.subarray(at, at + step))) out.push(Buffer.from(piece));
  }
  zstd.end();
  return Buffer.concat(out);
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const vectors = Object.entries(frames).map(([name, { packed, ...want }]) => {
  return { name, packed: Buffer.from(packed, 'base64'), ...want };
});

describe.each(vectors)('what zstd made of $name', ({ packed, length, sha256: digest }) => {
  it.each([1, 7, 1_000, packed.length])('is unpacked in pieces of %i bytes', (step) => {
    const content = unpack(packed, step);
    expect(content.length).toBe(length);
    expect(sha256(content)).toBe(digest);
  });

  it('cut anywhere is refused', () => {
    for (let cut = 1; cut < packed.length; cut += Math.max(1, Math.floor(packed.length / 200))) {
      expect(() => unpack(packed.subarray(0, cut)), `after ${cut} bytes`).toThrow(ZstdFault);
    }
  });

  it('with any byte changed ends in bytes or a refusal', () => {
    const place = fc.nat(packed.length - 1);
    const changes = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (list) => {
        const changed = Buffer.from(packed);
        for (const [at, value] of list) changed[at] = value;
        try {
          unpack(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(ZstdFault);
        }
      }),
      { numRuns: Number(process.env['TUNING_FUZZ_RUNS'] ?? 100) },
    );
  });
});

it('unpacks one frame behind another as if alone', () => {
  const all = vectors.map(({ packed }) => packed);
  const content = unpack(Buffer.concat([...all, zstdFrame('between'), ...all]), 4_096);
  const alone = Buffer.concat(all.map((packed) => unpack(packed)));
  expect(content.equals(Buffer.concat([alone, Buffer.from('between'), alone]))).toBe(true);
});

/** A frame of one compressed block, with a window of 128 KiB. */
function compressed(...block: number[]): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((block.length << 3) | (2 << 1) | 1, 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]), header, Buffer.from(block)]);
}
const repeated = (size: number) => [(size << 4) | 0b1101, size >> 4, size >> 12].map((byte) => byte & 255);

it('unpacks a block of one literal over and over', () => {
  expect(unpack(compressed(...repeated(100_000), 120, 0)).equals(Buffer.alloc(100_000, 'x'))).toBe(true);
});

it.each([
  ['more literals than a block may have', compressed(...repeated(131_073), 120, 0), /131073 bytes of literals/],
  ['bytes behind its end', compressed(...repeated(5), 120, 0, 0), /behind its end/],
  ['a Huffman table that never came', compressed(0b11, 0x04, 0, 0, 0), /never given/],
  ['a code table that never came', compressed(...repeated(5), 120, 1, 0b11111100, 1), /never given/],
  ['reserved bits', compressed(...repeated(5), 120, 1, 1, 1), /reserved bits/],
  // One sequence in known tables: its first states alone are 6 + 5 + 6 bits.
  ['a stream that is too short', compressed(...repeated(5), 120, 1, 0, 1), /cut off/],
  ['a stream without an end mark', compressed(...repeated(5), 120, 1, 0, 9, 0), /end mark/],
  // Repeated codes: 5 literals, offset code 5 (32 and up, less 3), a match of 3.
  [
    'a match from before the frame',
    compressed(...repeated(5), 120, 1, 0b01010100, 5, 5, 0, 0b100000),
    /before the window/,
  ],
  [
    'a match of more bits than any window',
    compressed(...repeated(5), 120, 1, 0b01010100, 5, 31, 0, 1),
    /before the window/,
  ],
  [
    'more literals used than there are',
    compressed(...repeated(5), 120, 1, 0b01010100, 9, 2, 0, 0b100),
    /more literals/,
  ],
])('refuses %s', (_, packed, message) => {
  expect(() => unpack(packed)).toThrow(message);
});

it.each([7, 9])('refuses a frame of 8 bytes whose header names %i', (named) => {
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, named, (8 << 3) | 1, 0, 0];
  const packed = Buffer.concat([Buffer.from(head), Buffer.alloc(8, 'x')]);
  expect(() => unpack(packed)).toThrow(named < 8 ? /more than a block/ : /unpacks to 8 bytes, its header names 9/);
});

it('makes its memory once, whatever comes through', () => {
  const zstd = new ZstdFrames();
  const { packed } = vectors[0]!;
  const memory = new Set<ArrayBufferLike>();
  for (let round = 0; round < 300; round++)
    for (const piece of zstd.push(packed)) if (piece.length > 0) memory.add(piece.buffer);
  expect([...memory].map(({ byteLength }) => byteLength)).toEqual([3 * 1024]);
});

/** Node 22.15 and later. */
const pack = (zlib as unknown as { zstdCompressSync?: (bytes: Uint8Array, options: object) => Buffer })
  .zstdCompressSync;
it.skipIf(pack === undefined)('unpacks whatever the zstd of Node packs', () => {
  const ZSTD_COMPRESSION_LEVEL = 100;
  const word = fc.string({ maxLength: 12 });
  const content = fc.tuple(fc.array(word, { minLength: 1, maxLength: 30 }), fc.array(fc.nat(), { maxLength: 4_000 }));
  fc.assert(
    fc.property(content, fc.integer({ min: -5, max: 19 }), ([words, picks], level) => {
      const bytes = Buffer.from(picks.map((pick) => words[pick % words.length]).join(' '));
      const packed = pack!(bytes, { params: { [ZSTD_COMPRESSION_LEVEL]: level } });
      expect(unpack(packed).equals(bytes)).toBe(true);
    }),
    { numRuns: 200 },
  );
});
