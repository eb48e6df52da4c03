import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BadInputError } from '@tuning/kit';
import { READ_LIMITS } from '../read/limits.ts';
import { rowLine } from '../row.ts';
import { Pacer } from '../slices.ts';

/** Lines are written to disk in pieces of about this size. */
const PIECE_BYTES = 1024 ** 2;

export interface ReadShardsOptions {
  /** Canonical JSON text of all rows; more is refused, whatever the shards unpack to. */
  maxTextBytes: number;
  /** File to write the lines to; it is what it should be only if this succeeds with the digest that was promised. */
  to?: string;
}

/**
 * Reads parquet shards, in the order given, row by row as canonical JSON lines.
 * @returns sha256 (`rowsDigest`), bytes and number of the lines.
 * @throws BadInputError `DATASET_TOO_LARGE`, `DATASET_UNPARSABLE`; the signal's reason when aborted.
 */
export async function readShards(
  paths: readonly string[],
  options: ReadShardsOptions,
  signal?: AbortSignal,
): Promise<{ sha256: string; bytes: number; rows: number }> {
  const handle = options.to === undefined ? undefined : await open(options.to, 'w', 0o644);
  try {
    const found = await digest(paths, options.maxTextBytes, handle, signal);
    await handle?.sync();
    return found;
  } finally {
    await handle?.close();
  }
}

async function digest(
  paths: readonly string[],
  maxTextBytes: number,
  to: FileHandle | undefined,
  signal: AbortSignal | undefined,
) {
  const { parquetRows } = await import('../read/parquet/parquet-rows.ts');
  const hash = createHash('sha256');
  const pacer = new Pacer();
  let lines: string[] = [];
  let waiting = 0;
  let bytes = 0;
  let rows = 0;
  const flush = async () => {
    const piece = Buffer.from(lines.join(''));
    hash.update(piece);
    await to?.appendFile(piece);
    lines = [];
    waiting = 0;
  };
  for (const path of paths) {
    for await (const row of parquetRows(path, READ_LIMITS, signal)) {
      const line = `${rowLine(row)}\n`;
      const size = Buffer.byteLength(line);
      bytes += size;
      if (bytes > maxTextBytes) {
        throw new BadInputError('DATASET_TOO_LARGE', `the shards hold more than ${maxTextBytes} bytes of rows`);
      }
      lines.push(line);
      waiting += size;
      rows += 1;
      if (waiting >= PIECE_BYTES) await flush();
      if (pacer.due) await pacer.turn(signal);
    }
  }
  await flush();
  return { sha256: hash.digest('hex'), bytes, rows };
}
