// One measured piece of work in a process of its own, so that its peak memory is its own: prints one line of JSON.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { lintRowsAsync, openRowFile, sealSplit, storeDataset, writeShards } from '../dist/index.js';
import { nearDuplicateSteps } from '../dist/near-duplicates/near-duplicates.js';
import { rowTexts } from '../dist/near-duplicates/row-texts.js';
import { runInSlices } from '../dist/slices.js';
import { watchBusy } from './busy.js';
import { isCopy, originalOf } from './rows.js';

const [work, path, format] = process.argv.slice(2);
const delay = monitorEventLoopDelay({ resolution: 1 });

/** With a folder that is gone afterwards. */
async function inFolder(run) {
  const folder = await mkdtemp(join(process.env.BENCH_FOLDER ?? tmpdir(), `${work}-`));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(run) {
  delay.enable();
  const busy = watchBusy();
  const start = performance.now();
  const facts = await run();
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  return { seconds, busyMs: busy.end(), ...facts };
}

const read = () =>
  inFolder((folder) =>
    measured(async () => {
      const { rows, digest } = await storeDataset([{ path, format }], join(folder, 'rows.jsonl'));
      rows.close();
      return { rows: rows.length, unpackedBytes: rows.bytes, digest };
    }),
  );

/** The rows as parquet shards, read back and compared, as a train split is published. */
const publish = (rows) =>
  inFolder(async (folder) => {
    const { shards } = await writeShards({ rowsFile: path, sha256: rows.digest, folder });
    return { shards: shards.length, bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0) };
  });

async function nearDuplicates(rows) {
  const firstOf = await runInSlices(nearDuplicateSteps(rowTexts(rows, 'instruct')));
  let [copies, found, strays] = [0, 0, 0];
  for (let row = 0; row < rows.length; row++) {
    if (!isCopy(row)) {
      if (firstOf[row] !== row) strays++;
      continue;
    }
    copies++;
    if (firstOf[row] === firstOf[originalOf(row)]) found++;
  }
  return { copies, found, strays };
}

const WORKS = {
  near: nearDuplicates,
  publish,
  lint: async (rows) => ({ distinct: (await lintRowsAsync(rows, 'instruct', { sequenceLen: 1024 })).distinct }),
  split: async (rows) => {
    const args = { rows, type: 'instruct', seed: new Uint8Array(32).fill(7), syntheticCount: 400 };
    const { train, test, synthetic, seal } = await sealSplit(args);
    return { train: train.length, test: test.length, synthetic: synthetic.length, seal };
  },
};

async function overRows() {
  const rows = await openRowFile(path);
  try {
    const facts = await measured(() => WORKS[work](rows));
    return { ...facts, rows: rows.length, unpackedBytes: rows.bytes };
  } finally {
    rows.close();
  }
}

const result = work === 'read' ? await read() : await overRows();
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ ...result, peakMiB, pauseMs: delay.max / 1e6 })}\n`);
