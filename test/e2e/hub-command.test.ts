import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createRepo } from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const TUNING = fileURLToPath(new URL('../../packages/cli/bin/tuning.js', import.meta.url));

describe('tuning hub', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hub-command-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const dataDir = () => join(folder, 'hub');
  const file = (name: string) => join(folder, name);
  const token = (name: string) => readFileSync(file(name), 'utf8').trim();

  /** Runs a hub with these flags for as long as `use` takes. */
  async function serve(flags: string[], use: (endpoint: string, pid: number) => Promise<void>): Promise<void> {
    const args = [TUNING, 'hub', '--port', '0', '--data-dir', dataDir(), ...flags];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const { msg, endpoint } = JSON.parse(line) as { msg: string; endpoint: string };
        if (msg !== 'hub is ready') continue;
        await use(endpoint, child.pid!);
        break;
      }
    } finally {
      child.kill('SIGTERM');
      await exit;
    }
  }
  async function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [TUNING, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr };
  }
  const whoAmI = async (endpoint: string, name: string) => {
    const answer = await fetch(`${endpoint}/api/whoami-v2`, { headers: { Authorization: `Bearer ${token(name)}` } });
    return { status: answer.status, body: (await answer.json()) as { auth?: { accessToken: { expiresAt?: string } } } };
  };

  it('makes tokens, with and without an end, into files for their owner only, and revokes them', async () => {
    const flags = ['--token', `alice:write:${file('alice')}`, '--token', `job:read:2h:${file('job')}`];
    await serve([...flags, '--token', `late:read:0s:${file('late')}`], async (endpoint, pid) => {
      expect((await whoAmI(endpoint, 'alice')).status).toBe(200);
      const { body } = await whoAmI(endpoint, 'job');
      const left = Date.parse(body.auth?.accessToken.expiresAt ?? '') - Date.now();
      expect(left).toBeGreaterThan(3_600_000);
      expect(left).toBeLessThanOrEqual(7_200_000);
      expect((await whoAmI(endpoint, 'late')).status).toBe(401);
      expect(statSync(file('alice')).mode & 0o777).toBe(0o600);
      // Any user of the machine may read the one, and tools show the other.
      const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join();
      for (const name of ['alice', 'job', 'late']) expect(shown).not.toContain(token(name));
      await createRepo({ repo: 'alice/r', hubUrl: endpoint, accessToken: token('alice') });
    });
    await serve(['--revoke-token', file('job')], async (endpoint) => {
      expect((await whoAmI(endpoint, 'job')).status).toBe(401);
      expect((await whoAmI(endpoint, 'alice')).status).toBe(200);
    });
    for (const wrong of ['alice:admin:x', 'alice', `alice:read:`]) {
      expect((await run(['hub', '--data-dir', dataDir(), '--token', wrong])).code).toBe(78);
    }
    expect((await run(['hub', '--port', '0', '--data-dir', dataDir(), '--revoke-token', file('none')])).code).toBe(78);
  });

  it('checks a stopped hub: 0 where all is well, 1 where something is damaged, 78 where there is no hub', async () => {
    const sound = await run(['hub', 'fsck', '--data-dir', dataDir()]);
    expect(sound).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 repos, 1 commits, 1 objects of 96 bytes'),
    });
    const objects = join(dataDir(), 'objects');
    const object = readdirSync(objects, { recursive: true })
      .map(String)
      .find((name) => /[0-9a-f]{64}$/.test(name));
    chmodSync(join(objects, object ?? ''), 0o600);
    truncateSync(join(objects, object ?? ''), 10);
    const damaged = await run(['hub', 'fsck', '--data-dir', dataDir(), '--json']);
    expect(damaged.code).toBe(1);
    expect(JSON.parse(damaged.stdout)).toMatchObject({ repos: 1, objects: 0, problems: [{}, {}] });
    expect((await run(['hub', 'fsck', '--data-dir', join(folder, 'none')])).code).toBe(78);
  });
});
