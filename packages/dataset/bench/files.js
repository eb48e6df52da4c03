// Files of the data bench, each written row by row.
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import { rowOf } from './rows.js';

const BLOCK_CHARS = 2 ** 18;

function* texts(rows, { head = '', of, tail = '' }) {
  let block = head;
  for (let row = 0; row < rows; row++) {
    block += of(rowOf(row), row);
    if (block.length < BLOCK_CHARS) continue;
    yield block;
    block = '';
  }
  yield block + tail;
}

const TEXTS = {
  jsonl: { of: (row) => `${JSON.stringify(row)}\n` },
  json: { head: '[', of: (row, at) => `${at > 0 ? ',\n' : ''}${JSON.stringify(row)}`, tail: ']\n' },
  // No word has a comma or a quote.
  csv: { head: 'instruction,output\n', of: ({ instruction, output }) => `${instruction},${output}\n` },
};

async function writeParquet(path, rows, codec) {
  async function* all() {
    for (let row = 0; row < rows; row++) yield rowOf(row);
  }
  await parquetWriteRows({
    writer: fileWriter(path),
    rows: all(),
    columns: [
      { name: 'instruction', type: 'STRING', nullable: false },
      { name: 'output', type: 'STRING', nullable: false },
    ],
    rowGroupSize: 10_000,
    codec,
    compressors: { GZIP: (bytes) => gzipSync(bytes, { level: 1 }) },
  });
}

/** pyarrow's own defaults but for the codec: one row group for a million rows. */
const TO_ZSTD =
  'import sys, pyarrow.parquet as p; p.write_table(p.read_table(sys.argv[1]), sys.argv[2], compression="zstd")';

async function parquetFiles(folder, rows, python) {
  const file = (name) => join(folder, `rows-${name}.parquet`);
  await writeParquet(file('snappy'), rows, 'SNAPPY');
  await writeParquet(file('gzip'), rows, 'GZIP');
  const codecs = ['snappy', 'gzip'];
  if (python && spawnSync(python, ['-c', TO_ZSTD, file('snappy'), file('zstd')]).status === 0) codecs.push('zstd');
  return codecs.map((packing) => ({ format: 'parquet', packing, path: file(packing) }));
}

const hasZstd = spawnSync('zstd', ['--version']).status === 0;

async function pack(path, packing) {
  if (packing === 'gzip') {
    await pipeline(createReadStream(path), createGzip({ level: 1 }), createWriteStream(`${path}.gz`));
    return `${path}.gz`;
  }
  if (!hasZstd) return undefined;
  spawnSync('zstd', ['-q', '-f', '-3', path, '-o', `${path}.zst`]);
  return `${path}.zst`;
}

/** Written plain only: what the searches walk. */
export async function writeLines(folder, rows) {
  const path = join(folder, 'lines.jsonl');
  await pipeline(Readable.from(texts(rows, TEXTS.jsonl)), createWriteStream(path));
  return path;
}

async function textFiles(folder, format, rows) {
  const path = join(folder, `rows.${format}`);
  await pipeline(Readable.from(texts(rows, TEXTS[format])), createWriteStream(path));
  const files = [{ format, packing: 'plain', path }];
  for (const packing of ['gzip', 'zstd']) files.push({ format, packing, path: await pack(path, packing) });
  return files.filter((file) => file.path !== undefined);
}

/** Writes one format plain and packed; zstd where its command is installed, for parquet where Python has pyarrow. */
export async function writeFiles(folder, format, rows, python) {
  const files = format === 'parquet' ? await parquetFiles(folder, rows, python) : await textFiles(folder, format, rows);
  return Promise.all(files.map(async (file) => ({ ...file, bytes: (await stat(file.path)).size })));
}
