import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const MINER = 'neurons/miner.js';
const TUNING = 'packages/cli/bin/tuning.js';
/** Where most of a start's time goes. */
const SLOW = ['@polkadot', 'libp2p', 'dockerode', 'better-sqlite3', 'onnxruntime-node'];

/** Tells on stderr which of the slow packages a process loads, as ES modules. */
const hook = `
const slow = ${JSON.stringify(SLOW)};
export async function load(url, context, next) {
  const found = slow.find((name) => url.includes('/node_modules/' + name + '/'));
  if (found) process._rawDebug('loads ' + found);
  return next(url, context);
}`;
const dataUrl = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
const register = dataUrl(`import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hook))});`);

/** The slow packages that `node …args` loads; it must end with 0. */
async function loadedBy(...args: string[]): Promise<string[]> {
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', register, ...args], {
    cwd: fileURLToPath(root),
    timeout: 25_000,
  });
  return SLOW.filter((name) => stderr.includes(`loads ${name}\n`));
}

describe.skipIf(!existsSync(new URL('packages/cli/dist/index.js', root)))('a start (skipped without a build)', () => {
  it.each([
    [MINER, '--help'],
    [MINER, '--print-config', '--netuid', '1'],
    [TUNING, '--version'],
    [TUNING, 'evaluate', '--help'],
    [TUNING, 'inspect', '--help'],
  ])('loads neither chain nor libp2p for: %s %s', async (...args) => {
    expect(await loadedBy(...args.filter((arg) => arg !== undefined))).toEqual([]);
  });

  it('loads what a command of the chain needs, and no more', async () => {
    expect(await loadedBy(TUNING, 'metagraph', '--help')).toEqual(['@polkadot']);
  });

  it('shows all commands where none is named', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL(TUNING, root)), '--help']);
    const words = [...stdout.matchAll(/^ {2}([a-z]+)/gm)].map(([, word]) => word);
    expect(words).toEqual([
      ...[
        'demo',
        'dataset',
        'devnet',
        'hub',
        'check',
        'evaluate',
        'inspect',
        'subnet',
        'wallet',
        'metagraph',
        'register',
      ],
      ...['axon', 'commitments', 'weights', 'help'],
    ]);
  });
});
