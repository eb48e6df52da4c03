import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, waitFor } from '@tuning/kit';
import { describe, expect, it } from 'vitest';
import { hasEngine } from '../../packages/runner/test/docker/docker-cli.ts';
import { allMounts, trainerImage } from './docker-engine.ts';
import { processesOf, ROOT } from './network.ts';

const CLI = join(ROOT, 'packages', 'cli', 'bin', 'tuning.js');

/** Starts a demo with a temporary folder of its own, so that what it leaves behind can be seen. */
function startDemo(more: readonly string[] = []) {
  const tmp = mkdtempSync(join(tmpdir(), 'demo-'));
  const report = join(tmp, 'report.json');
  const child = spawn(process.execPath, [CLI, 'demo', '--report', report, ...more], {
    cwd: tmp,
    env: { ...process.env, TMPDIR: tmp },
    // The leader of a process group, as what a shell starts on a terminal.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  let closed = false;
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      closed = true;
      resolve(code);
    }),
  );
  return { tmp, report, child, ended, hasEnded: () => closed, output: () => output };
}

/** What a Ctrl-C on the terminal does: the signal goes to every process of the foreground group. False: it has ended. */
function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}

/** No process, sealed jobs included (the command line of each names the demo's folder), and no file. */
function expectNothingLeft(tmp: string): void {
  expect(processesOf(tmp)).toEqual([]);
  expect(readdirSync(tmp)).toEqual([]);
  rmSync(tmp, { recursive: true });
}

describe('npm run demo', () => {
  it('plays two tournaments side by side, one with its miners in containers, each with a report that can be recomputed', async () => {
    const containers = (await hasEngine()) ? ['--runner', 'docker', '--image', await trainerImage()] : [];
    const started = Date.now();
    // Half a machine each, so twice the time to train in.
    const demos = [[], containers].map((more) => startDemo(['--training-blocks', '320', ...more]));
    for (const demo of demos) {
      expect(await demo.ended, demo.output()).toBe(0);
      const report = JSON.parse(readFileSync(demo.report, 'utf8'));
      expect(
        execFileSync(process.execPath, [join(ROOT, 'test', 'recompute-report.mjs'), demo.report], { encoding: 'utf8' }),
      ).toContain('all agree');

      const byName = new Map<string, any>(report.miners.map((miner: any) => [miner.name, miner]));
      expect(byName.get('miner-copy').verdict.code).toBe('identical_to_base');
      expect(byName.get('miner-copy').weight).toBe(0);
      for (const name of ['miner-full', 'miner-lora', 'miner-lazy']) {
        const miner = byName.get(name);
        expect(miner.verdict.code, JSON.stringify(miner.verdict)).toBe('accepted');
        expect(miner.commit).toMatch(/^[0-9a-f]{40}$/);
        expect(miner.commitmentBlock).toBeLessThanOrEqual(report.deadlineBlock);
        expect(miner.test.rowsKept).toBeGreaterThan(100);
      }
      const best = report.ranking[0];
      expect(best.testLoss).toBeLessThan(report.base.test.loss * 0.95);
      expect(byName.get('miner-lazy').rank).toBe(3);
      expect(report.weights.entries.length).toBeGreaterThan(0);
      // Seven daemons of some 100 MiB each at the very least; the limit is the one promised for a demo.
      expect(report.peakRssBytes).toBeGreaterThan(0.7 * 2 ** 30);
      expect(report.peakRssBytes).toBeLessThan(4 * 2 ** 30);
      // Nothing stays behind: no process, no container, no folder.
      expect(processesOf(demo.tmp)).toEqual([]);
      if (containers.length > 0) expect(await allMounts()).not.toContain(demo.tmp);
      expect(readdirSync(demo.tmp)).toEqual(['report.json']);
      rmSync(demo.tmp, { recursive: true });
    }
    expect(Date.now() - started).toBeLessThan(280_000);
    // The image is built before.
  }, 400_000);
});

// Two at a time (maxConcurrency in vitest.config.ts): each of them waits most of the time.
describe.concurrent('a demo that is broken off', () => {
  it.each([
    ['starting a chain', 'SIGINT'],
    ['published', 'SIGHUP'],
    ['training step', 'SIGINT'],
  ] as const)('leaves nothing behind when it hears Ctrl-C twice after "%s" (%s)', async (moment, signal) => {
    const demo = startDemo();
    await waitFor(moment, () => (demo.output().includes(moment) ? true : undefined), { ms: 120_000, everyMs: 50 });
    const pid = demo.child.pid!;
    expect(signalGroup(pid, signal)).toBe(true);
    await sleep(400);
    signalGroup(pid, signal);
    // The second signal may find it as good as gone, or still be pending with the first: then there is no word of it.
    const answered = () => demo.output().includes('still stopping') || demo.hasEnded();
    await waitFor('its word or its end', () => (answered() ? true : undefined), { ms: 60_000, everyMs: 20 });
    expect(await demo.ended, demo.output()).toBe(130);
    expect(existsSync(demo.report)).toBe(false);
    expectNothingLeft(demo.tmp);
  });

  it('is cleaned up after when it is killed outright', async () => {
    const demo = startDemo();
    const moment = 'training step';
    await waitFor(moment, () => (demo.output().includes(moment) ? true : undefined), { ms: 120_000, everyMs: 50 });
    expect(processesOf(demo.tmp).length).toBeGreaterThan(5);
    signalGroup(demo.child.pid!, 'SIGKILL');
    await demo.ended;
    await waitFor(
      'its processes and folder to go',
      () => (processesOf(demo.tmp).length === 0 && readdirSync(demo.tmp).length === 0 ? true : undefined),
      { ms: 15_000, everyMs: 100 },
    );
    expectNothingLeft(demo.tmp);
  });
});
