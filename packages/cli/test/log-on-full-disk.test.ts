import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../../test/small-disk.ts';

const disk = SmallDisk.mount(1024 ** 2);
afterAll(() => disk?.unmount());

const logging = new URL('../dist/logging.js', import.meta.url).href;
const program = `
  const { createLogger } = await import(${JSON.stringify(logging)});
  const { logger, flush } = createLogger('info');
  process.stdin.on('data', (data) => {
    for (let n = 0; n < 100; n += 1) logger.info({ n }, String(data).trim());
    process.stderr.write('logged');
  });
  process.stdin.on('end', () => { flush(); process.exit(0); });
`;

describe.skipIf(!disk)('a log on a disk that is full', () => {
  it('does not end the daemon, and has its lines when there is room again', async () => {
    const file = join(disk!.folder, 'daemon.log');
    const out = openSync(file, 'a');
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', out, 'pipe'] });
    closeSync(out);
    const log = async (text: string) => {
      child.stdin!.write(`${text}\n`);
      await once(child.stderr!, 'data');
    };
    await log('before');
    disk!.fill();
    await log('full');
    await log('full');
    expect(child.exitCode).toBeNull();
    disk!.free();
    await log('after');
    child.stdin!.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
    const lines = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    const count = (text: string) => lines.filter((line) => line === text).length;
    expect([count('before'), count('full'), count('after')]).toEqual([100, 200, 100]);
  });
});
