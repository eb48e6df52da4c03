#!/usr/bin/env node
// `npm run bench -- data [--json] [--rows N] [--full] [--only read|near|lint|split|publish,…] [--formats jsonl,…]`: how fast datasets are
// read, linted, split, published and searched for near-duplicates, and in how much memory, each in a process of its own. Beside each file:
// `cat` and `sha256sum` of the same bytes, and pyarrow where TUNING_BENCH_PYTHON names a Python that has it.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFiles, writeLines } from './files.js';

const MIB = 2 ** 20;
const FULL_ROWS = 1_100_000;
const JOB = fileURLToPath(new URL('./job.js', import.meta.url));
const WORKS = ['read', 'near', 'lint', 'split', 'publish'];
const FORMATS = ['jsonl', 'json', 'csv', 'parquet'];
const python = process.env.TUNING_BENCH_PYTHON;
/** Reads as `datasets` would, with pyarrow, in batches; prints rows, seconds and peak KiB. */
const PYARROW = `
import sys, time, resource, pyarrow as pa
path, fmt = sys.argv[1:]
start, rows = time.time(), 0
if fmt == 'parquet':
    import pyarrow.parquet as p
    for b in p.ParquetFile(path).iter_batches(): rows += b.num_rows
elif fmt == 'csv':
    import pyarrow.csv as c
    for b in c.open_csv(pa.input_stream(path)): rows += b.num_rows
else:
    import pyarrow.json as j
    rows = j.read_json(pa.input_stream(path)).num_rows
print(rows, time.time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
`;

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean' },
    full: { type: 'boolean' },
    rows: { type: 'string', default: '50000' },
    only: { type: 'string', default: WORKS.join(',') },
    formats: { type: 'string', default: FORMATS.join(',') },
  },
});
const rows = flags.full ? FULL_ROWS : Number(flags.rows);
const works = flags.only.split(',');
const formats = flags.formats.split(',');
const unknown = [
  ...works.filter((work) => !WORKS.includes(work)),
  ...formats.filter((name) => !FORMATS.includes(name)),
];
if (!Number.isInteger(rows) || rows < 1000 || unknown.length > 0) {
  process.stderr.write(`--rows is a whole number from 1000, --only of ${WORKS}, --formats of ${FORMATS}\n`);
  process.exit(78);
}

const say = (line) => flags.json || process.stdout.write(`${line}\n`);
const rounded = (value) => (value < 10 ? Math.round(value * 100) / 100 : Math.round(value));

function run(command, args, options = {}) {
  const start = performance.now();
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: MIB, ...options });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr || result.error}`);
  return { text: result.stdout, seconds: (performance.now() - start) / 1000 };
}

function job(work, path, format = '') {
  const env = { ...process.env, BENCH_FOLDER: folder };
  const figures = JSON.parse(run(process.execPath, [JOB, work, path, format], { env }).text);
  return {
    work,
    ...figures,
    rowsPerSecond: figures.rows / figures.seconds,
    mibPerSecond: figures.unpackedBytes / MIB / figures.seconds,
  };
}

/** The same bytes through `cat` into `sha256sum`: what reading a file at all costs on this machine. */
function catSha256(path, bytes) {
  const { seconds } = run('sh', ['-c', 'cat "$1" | sha256sum', 'sh', path]);
  return { seconds, mibPerSecond: bytes / MIB / seconds };
}

/** Its JSON reader takes lines only. */
function pyarrow({ path, format, packing }) {
  if (!python || format === 'json' || (packing === 'zstd' && format === 'jsonl')) return undefined;
  const [count, seconds, peak] = run(python, ['-c', PYARROW, path, format]).text.split(' ').map(Number);
  return { seconds, rowsPerSecond: count / seconds, peakMiB: peak / 1024 };
}

function line({
  work,
  format = '',
  packing = '',
  rows: count,
  seconds,
  rowsPerSecond,
  mibPerSecond,
  peakMiB,
  pauseMs,
  busyMs,
  ...more
}) {
  const { baseline, pyarrow: python, copies, found, strays } = more;
  return [
    `${work} ${format} ${packing}`.padEnd(22),
    `${count} rows in ${rounded(seconds)} s`,
    `${rounded(rowsPerSecond)} rows/s, ${rounded(mibPerSecond)} MiB/s unpacked`,
    `peak ${rounded(peakMiB)} MiB, longest pause ${rounded(pauseMs)} ms${busyMs === undefined ? '' : `, ${rounded(busyMs)} of them ours`}`,
    ...(baseline ? [`cat | sha256sum ${rounded(baseline.seconds)} s`] : []),
    ...(python ? [`pyarrow ${rounded(python.seconds)} s, ${rounded(python.peakMiB)} MiB`] : []),
    ...(copies === undefined ? [] : [`${found} of ${copies} copies found, ${strays} other rows taken for one`]),
  ].join('; ');
}

const conditions = { cpu: cpus()[0]?.model, cores: availableParallelism(), loadAverageBefore: loadavg()[0], rows };
const results = [];
const note = (result) => {
  results.push(result);
  say(line(result));
};
say(`${conditions.cpu}, ${conditions.cores} cores, load ${conditions.loadAverageBefore}`);
const folder = await mkdtemp(join(process.env.BENCH_FOLDER ?? tmpdir(), 'data-bench-'));
try {
  for (const format of works.includes('read') ? formats : []) {
    const files = await writeFiles(folder, format, rows, python);
    for (const file of files) {
      const { packing, path, bytes } = file;
      const facts = { ...job('read', path, format === 'jsonl' ? 'json' : format), format, packing, bytes };
      note({ ...facts, baseline: catSha256(path, bytes), pyarrow: pyarrow(file) });
    }
    await Promise.all(files.map(({ path }) => rm(path)));
  }
  const searches = works.filter((work) => work !== 'read');
  if (searches.length > 0) {
    const path = await writeLines(folder, rows);
    const baseline = catSha256(path, (await stat(path)).size);
    for (const work of searches) note({ ...job(work, path), baseline });
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ bench: 'data', conditions, results }, null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
