import { rm } from 'node:fs/promises';
import { CARETAKER_RELEASED } from './caretaker.ts';
import { killDemo } from './kill-demo.ts';

// A process of its own that outlives a demo which was killed outright. Its standard input is a pipe from the demo: when
// that ends without the word of release, the demo is dead, and what it started is ended here.
const [folder, keep] = process.argv.slice(2);
let heard = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  heard += text;
});
process.stdin.once('end', async () => {
  if (!folder || heard === CARETAKER_RELEASED) return;
  await killDemo(folder);
  if (keep !== '--keep') await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});
