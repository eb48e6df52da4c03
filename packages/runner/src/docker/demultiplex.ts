import { BadInputError } from '@tuning/kit';

const HEADER_BYTES = 8;
/** Stream types of the engine: 0 stdin, 1 stdout, 2 stderr (moby, docs of POST /containers/{id}/attach). */
const LAST_STREAM_TYPE = 2;

/**
 * The payload of a container's multiplexed output, stdout and stderr in the order in which the engine sent them. A frame is
 * a header of 8 bytes (stream type, three zeros, length as u32 big-endian) and its payload, cut anywhere by the transport.
 * Slices are handed on as they arrive, so a large frame is never held whole.
 * @throws BadInputError `ENGINE_STREAM_BROKEN` for an unknown stream type or an end within a frame.
 */
export async function* demultiplex(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ stream: number; bytes: Uint8Array }> {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerBytes = 0;
  let left = 0;
  let stream = 0;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (left > 0) {
        const bytes = chunk.subarray(at, at + left);
        at += bytes.length;
        left -= bytes.length;
        yield { stream, bytes };
        continue;
      }
      const taken = Math.min(HEADER_BYTES - headerBytes, chunk.length - at);
      header.set(chunk.subarray(at, at + taken), headerBytes);
      headerBytes += taken;
      at += taken;
      if (headerBytes < HEADER_BYTES) continue;
      headerBytes = 0;
      stream = header[0]!;
      if (stream > LAST_STREAM_TYPE) {
        throw new BadInputError('ENGINE_STREAM_BROKEN', `the engine's output has a frame of unknown type ${stream}`);
      }
      left = header.readUInt32BE(4);
    }
  }
  if (left > 0 || headerBytes > 0) {
    throw new BadInputError('ENGINE_STREAM_BROKEN', 'the engine ended the output in the middle of a frame');
  }
}
