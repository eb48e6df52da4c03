import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canStartEngine } from '../../packages/runner/test/docker/own-engine.ts';
import type { SimulationOptions } from './plan.ts';
import { simulate } from './simulation.ts';

const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const only = process.env['SIM_RUNNER'];
const withDocker = only === 'docker' || (only === undefined && process.env['REQUIRE_DOCKER'] === '1');
/** The time of kills, and beside it ten minutes for a slow machine to come to an end. */
const timeout = number('SIM_SECONDS', 40) * 1_000 + 900_000;

async function play(runner: SimulationOptions['runner'], jobs: number): Promise<void> {
  const options: SimulationOptions = {
    runner,
    jobs: number('SIM_JOBS', jobs),
    seconds: number('SIM_SECONDS', 40),
    seed: number('SIM_SEED', 1 + Math.floor(Math.random() * 2 ** 20)),
    slots: number('SIM_SLOTS', 4),
  };
  // A folder that is named is kept, to be looked into.
  const kept = process.env['SIM_FOLDER'];
  if (kept) await mkdir(kept);
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'tuning-sim-')));
  process.stdout.write(`simulation ${JSON.stringify(options)}\n`);
  try {
    const report = await simulate(options, folder);
    for (const [name, value] of Object.entries(report.figures))
      process.stdout.write(`${name.padEnd(26)}${String(value).padStart(8)}\n`);
    expect(report.problems).toEqual([]);
    // Nothing is shown where nothing was killed.
    expect(report.figures['miner killed']).toBeGreaterThan(0);
    expect(report.figures['hub killed']).toBeGreaterThan(0);
  } finally {
    if (!kept) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

describe('a miner, its hub and its trainings killed at random', () => {
  it.skipIf(only === 'docker')('every job ends once, none is lost, none is doubled', { timeout }, () =>
    play('process', 40),
  );
  if (withDocker && !canStartEngine) throw new Error('the simulation with docker needs root and /usr/sbin/dockerd');
  it.skipIf(!withDocker)('in containers of an engine that is killed too', { timeout }, () => play('docker', 20));
});
