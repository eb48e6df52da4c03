import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const START_MS = 60_000;

/** A devnet of its own process; `close` ends it. */
export async function startNode(options) {
  const child = fork(fileURLToPath(new URL('node-process.js', import.meta.url)), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const endpoint = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the devnet did not start within ${START_MS} ms`)), START_MS);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message.endpoint);
    });
    child.once('exit', (code) => reject(new Error(`the devnet ended with ${code}`)));
  });
  return {
    endpoint,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.disconnect();
      }),
  };
}
