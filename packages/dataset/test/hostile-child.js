// Reads every file of a list in a process of its own, one after the other, and says how each ended and what memory it took.
import { readFileSync } from 'node:fs';
import { storeDataset } from '../dist/index.js';

const [list, to] = process.argv.slice(2);
const base = process.resourceUsage().maxRSS;
for (const { path, format, limits } of JSON.parse(readFileSync(list, 'utf8'))) {
  const start = performance.now();
  let result;
  try {
    const { rows, columns } = await storeDataset([{ path, format }], to, { limits });
    result = { rows: rows.length, columns };
    rows.close();
  } catch (error) {
    result = { name: error.name, code: error.code, message: error.message, details: error.details };
  }
  const seconds = (performance.now() - start) / 1000;
  const addedMiB = (process.resourceUsage().maxRSS - base) / 1024;
  process.stdout.write(`${JSON.stringify({ ...result, seconds, addedMiB })}\n`);
}
