import { rm } from 'node:fs/promises';
import { checkFilled, filled } from '../read/columns.ts';
import { tooLarge } from '../read/limits.ts';
import { type DataFile, type ReadOptions, RowStream } from '../read/row-stream.ts';
import { rowLine } from '../row.ts';
import { Pacer } from '../slices.ts';
import { type WrittenLines, writingLines } from './line-writer.ts';
import { RowFile } from './row-file.ts';

export interface StoredDataset {
  /** As `readDatasetFiles` gives them; to be closed. */
  rows: RowFile;
  /** In order of first appearance. */
  columns: string[];
  /** `rowsDigest(rows)`, and the sha256 of the file. */
  digest: string;
}

/** Canonical lines name every column in every row; so much longer than the file may they be. */
const LONGER = 2;

/**
 * Reads the rows of all files, in the order given, as one dataset into a file of canonical lines at `path`. Memory does
 * not grow with the rows, but for 8 bytes each. Pauses for the event loop; leaves nothing behind when it fails.
 * @throws what `readDatasetFiles` names; what the disk says.
 */
export async function storeDataset(
  files: readonly DataFile[],
  path: string,
  options: ReadOptions = {},
): Promise<StoredDataset> {
  const stream = new RowStream(files, options);
  const most = LONGER * stream.limits.maxBytes;
  const written = await writingLines(path, async (writer) => {
    for await (const row of stream) {
      writer.add(rowLine(row));
      if (writer.bytes > most) throw tooLarge(stream.names, `has more than ${most} bytes as JSON lines`);
      if (writer.isFull) await writer.flush();
    }
    checkFilled(stream);
  });
  const { columns, isRagged } = stream;
  const rows = isRagged ? await fill(path, written, columns, options.signal) : new RowFile(path, written);
  return { rows, columns, digest: rows.digest };
}

/** Once more, since only the last row tells which columns there are. */
async function fill(
  path: string,
  ragged: WrittenLines,
  columns: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RowFile> {
  const source = new RowFile(path, ragged);
  try {
    const pacer = new Pacer();
    const written = await writingLines(path, async (writer) => {
      for (const row of source) {
        writer.add(rowLine(filled(row, columns)));
        if (writer.isFull) await writer.flush();
        if (pacer.due) await pacer.turn(signal);
      }
    });
    return new RowFile(path, written);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    source.close();
  }
}
