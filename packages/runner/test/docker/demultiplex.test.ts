import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demultiplex } from '../../src/docker/demultiplex.ts';

async function collect(chunks: Uint8Array[]): Promise<[number, string][]> {
  const texts = new Map<number, string>();
  const stream = (async function* () {
    yield* chunks;
  })();
  for await (const { stream: type, bytes } of demultiplex(stream)) {
    texts.set(type, (texts.get(type) ?? '') + Buffer.from(bytes).toString('latin1'));
  }
  return [...texts].toSorted(([a], [b]) => a - b);
}

const frame = (type: number, text: string): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(Buffer.byteLength(text, 'latin1'), 4);
  return Buffer.concat([header, Buffer.from(text, 'latin1')]);
};

describe('demultiplex', () => {
  it('gives each stream whole, wherever the transport cuts', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: 'binary-ascii', maxLength: 40 })), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.nat(30), { minLength: 1 }), async (parts, cuts) => {
        const bytes = Buffer.concat(parts.map(([type, text]) => frame(type, text)));
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]! + 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const expected = [1, 2]
          .map(
            (type) =>
              [
                type,
                parts
                  .filter(([t]) => t === type)
                  .map(([, text]) => text)
                  .join(''),
              ] as const,
          )
          .filter(([, text]) => text !== '');
        expect(await collect(chunks)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('takes thousands of one-byte frames in one chunk', async () => {
    const bytes = Buffer.concat(Array.from({ length: 20_000 }, () => frame(1, 'x')));
    expect((await collect([bytes]))[0]![1].length).toBe(20_000);
  });

  it('refuses an unknown stream and an end within a frame', async () => {
    await expect(collect([frame(3, 'x')])).rejects.toMatchObject({ code: 'ENGINE_STREAM_BROKEN' });
    await expect(collect([frame(1, 'xyz').subarray(0, 9)])).rejects.toMatchObject({ code: 'ENGINE_STREAM_BROKEN' });
    await expect(collect([Buffer.from([1, 0])])).rejects.toMatchObject({ code: 'ENGINE_STREAM_BROKEN' });
  });
});
