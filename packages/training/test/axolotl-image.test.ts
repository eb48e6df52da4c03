import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const image = fileURLToPath(new URL('../../../docker/trainer-axolotl/', import.meta.url));
const python3 = spawnSync('python3', ['-c', 'import yaml'], { timeout: 30_000 });

it.skipIf(python3.status !== 0)(
  'the entry point’s own tests pass (python3 with PyYAML)',
  () => {
    const { status, stderr } = spawnSync('python3', ['-B', '-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'], {
      cwd: image,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/Ran \d\d tests/);
  },
  60_000,
);
