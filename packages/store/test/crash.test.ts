import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openMinerStore, openValidatorStore } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

const writer = fileURLToPath(new URL('./fixtures/writer.mjs', import.meta.url));

/** Runs the writer until it has acknowledged `writes`, kills it with SIGKILL and returns the last acknowledged one. */
async function killWhileWriting(kind: string, path: string, writes: number): Promise<number> {
  const child = spawn(process.execPath, [writer, kind, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
    if (text.split('\n').length > writes) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
  return Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1));
}

it('loses nothing that was acknowledged when it is killed in the middle of writes', async () => {
  const folder = await temporaryFolder();
  for (const writes of [1, 40, 97]) {
    const path = join(folder, `miner-${writes}.db`);
    const last = await killWhileWriting('miner', path, writes);
    const { jobs, close } = await openMinerStore(path);
    const done = jobs.list({ states: ['Completed'] });
    expect(done.length, `${writes} writes`).toBeGreaterThan(last);
    expect(done.slice(0, last + 1).map(({ result }) => result)).toEqual(
      Array.from({ length: last + 1 }, (_, n) => ({ n })),
    );
    close();
  }
});

it('never has a block half recorded', async () => {
  const path = join(await temporaryFolder(), 'validator.db');
  let last = 0;
  for (let round = 0; round < 2; round++) last = await killWhileWriting('validator', path, 30);
  const { commitments, close } = await openValidatorStore(path);
  const cursor = commitments.cursor(7)!;
  expect(cursor).toBeGreaterThanOrEqual(last);
  expect(commitments.forTask('00000000000000aa')).toHaveLength(cursor * 5);
  close();
});
