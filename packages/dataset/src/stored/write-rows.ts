import { lineOf, type Rows } from '../rows.ts';
import { Pacer } from '../slices.ts';
import { writingLines } from './line-writer.ts';
import { RowFile } from './row-file.ts';

/**
 * Writes rows as a file of canonical lines, the bytes of `toJsonLines`, block by block; pauses for the event loop.
 * @returns the rows in the file, open. @throws the signal's reason when aborted; what the disk says.
 */
export async function writeRows(path: string, rows: Rows, signal?: AbortSignal): Promise<RowFile> {
  const pacer = new Pacer();
  const written = await writingLines(path, async (writer) => {
    for (let index = 0; index < rows.length; index++) {
      writer.add(lineOf(rows, index));
      if (writer.isFull) await writer.flush();
      if (pacer.due) await pacer.turn(signal);
    }
  });
  return new RowFile(path, written);
}
