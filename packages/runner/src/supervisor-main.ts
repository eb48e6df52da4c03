import { supervise } from './supervisor.ts';

// The supervisor's process: `node supervisor-main.js <folder of the job in the registry>`.
const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: node supervisor-main.js <job folder in the registry>\n');
  process.exit(64);
}
try {
  await supervise(folder);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
