import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, waitFor } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, hasEngine } from '../../packages/runner/test/docker/docker-cli.ts';
import { canStartEngine, type OwnEngine, startOwnEngine } from '../../packages/runner/test/docker/own-engine.ts';
import { containersOf } from './docker-engine.ts';
import { call, type Daemon, httpOf, Network, RECIPES } from './network.ts';

const ATTACKER = fileURLToPath(new URL('./attacker', import.meta.url));
const BASE = 'tuning-base:test';
const IMAGE = 'tuning-attacker:test';
const GIB = 2 ** 30;
/** Half a minute of wall time, the least that a miner can be told, and the grace of ten seconds after it. */
const HOURS = 0.01;
const FLAGS = [
  ...['--runner', 'docker', '--training.image', IMAGE, '--training.slots', '9', '--training.max_cpus', '0.5'],
  ...['--training.max_memory_gb', '0.25', '--training.max_disk_gb', '0.1', '--training.max_hours', String(HOURS)],
];
/** Of the daemon while it is attacked: it must answer at once and must not swallow what a container prints. */
const SLOWEST_ANSWER_MS = 2_000;
const MOST_MEMORY_BYTES = 0.5 * GIB;
/** Many times what the engine keeps of a container's output. */
const LEAST_PRINTED_BYTES = 32 * 2 ** 20;
const POLL = { ms: 60_000, everyMs: 50 };

/** How each attack ends: the state, what the operator reads, or both. */
const ATTACKS = {
  forks: { status: 'Failed', error: /"code":"EAGAIN"/ },
  memory: { status: 'Failed', error: /stopped at its memory limit.*268435456 bytes/ },
  disk: { status: 'Failed', error: /stopped at its output limit/ },
  spins: { status: 'Failed', error: /stopped at its timeout limit: it ran longer than 36000 ms/ },
  ignores: { status: 'Cancelled' },
  // A loaded machine does not print a gigabyte in that time; packages/runner/test/docker counts every line of one.
  logs: { status: 'Failed', error: /"printed":1073741824|stopped at its timeout limit/ },
  network: { status: 'Failed', error: /"code":"ENETUNREACH","name":"EAI_AGAIN","nics":\["lo"\]/ },
  secrets: {
    status: 'Failed',
    error:
      /"wallets":"ENOENT","token":\[\],"socket":"ENOENT","input":"EROFS","root":"EROFS","become":"(EPERM|ERR_\w+)"/,
  },
} as const;
type Attack = keyof typeof ATTACKS;
const nonEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);

// With an engine of its own, because it is killed at the end.
describe.skipIf(!canStartEngine || !(await hasEngine()))('containers that attack a miner', () => {
  const network = new Network();
  let engine: OwnEngine | undefined;
  let miner: Daemon;
  let url = '';

  beforeAll(async () => {
    engine = await startOwnEngine(`/tmp/ta-${process.pid}`, BASE);
    process.env['DOCKER_HOST'] = engine.host;
    await docker('build', '--quiet', '--network', 'none', '--build-arg', `BASE=${BASE}`, '--tag', IMAGE, ATTACKER);
    await network.start(['miner']);
    miner = await network.miner('miner', RECIPES.lora, FLAGS);
    url = await httpOf(miner, 'miner is ready');
  }, 180_000);

  afterAll(async () => {
    try {
      await network.stop();
    } finally {
      await engine?.stop();
    }
  }, 60_000);

  const order = async (output: string): Promise<string> => {
    const dataset = join(network.folder, `${output}.json`);
    writeFileSync(dataset, JSON.stringify([{ instruction: 'Attack.', input: network.walletsPath, output }]));
    const body = { dataset, file_format: 'json', model: 'demo/tiny-llama', dataset_type: 'instruct' };
    const answer = await call(`${url}/train/`, 'POST', body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    return answer.body.job_id;
  };
  const job = async (id: string) => (await call(`${url}/train/${id}`)).body;
  const ended = (id: string) =>
    waitFor(`the end of ${id}`, async () => ((await job(id)).ended_at ? job(id) : undefined), {
      ms: 120_000,
      everyMs: 100,
    });
  /** Asks the daemon until it is stopped; what it took at most. */
  const watch = (signal: AbortSignal) =>
    (async () => {
      const most = { answerMs: 0, bytes: 0 };
      while (!signal.aborted) {
        const asked = performance.now();
        expect((await call(`${url}/healthz`)).status).toBe(200);
        most.answerMs = Math.max(most.answerMs, performance.now() - asked);
        const status = readFileSync(`/proc/${miner.process.pid}/status`, 'utf8');
        most.bytes = Math.max(most.bytes, Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024);
        await sleep(100);
      }
      return most;
    })();

  it('end as told, and the daemon stays well', async () => {
    const end = new AbortController();
    const watched = watch(end.signal);
    watched.catch(() => {}); // Told below.
    const names = Object.keys(ATTACKS) as Attack[];
    const ids = {} as Record<Attack, string>;
    for (const name of names) ids[name] = await order(name);

    // What the operator set is what the engine holds the container to.
    const [container] = await waitFor('a container', async () => nonEmpty(await containersOf(ids.spins)), POLL);
    const [{ HostConfig, Config }] = JSON.parse(await docker('inspect', container!));
    expect(HostConfig).toMatchObject({
      ...{ NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] },
      ...{ Privileged: false, Binds: null, Memory: GIB / 4, MemorySwap: GIB / 4, NanoCpus: 5e8, PidsLimit: 1_024 },
    });
    expect(Config.User).not.toMatch(/^(0|root)?(:|$)/);

    await waitFor(
      'the one that ignores signals',
      async () => (await job(ids.ignores)).status === 'Running' || undefined,
      POLL,
    );
    const asked = performance.now();
    await call(`${url}/train/${ids.ignores}`, 'DELETE');
    expect((await ended(ids.ignores)).status).toBe('Cancelled');
    expect(performance.now() - asked).toBeLessThan(20_000);

    const printed = join(network.folder, 'data/miner/jobs', ids.logs, 'out/printed');
    await waitFor(
      'much to be printed',
      async () => Number(await readFile(printed, 'utf8').catch(() => 0)) > LEAST_PRINTED_BYTES || undefined,
      POLL,
    );
    for (const name of names) {
      const { status, error }: { status: string; error?: RegExp } = ATTACKS[name];
      const found = await ended(ids[name]);
      expect(found, name).toMatchObject({ status });
      if (error) expect(found.error, name).toMatch(error);
    }
    const forks = Number(/"started":(\d+)/.exec((await job(ids.forks)).error)![1]);
    expect(forks).toBeGreaterThan(900);
    expect(forks).toBeLessThan(1_024);

    end.abort();
    const { answerMs, bytes } = await watched;
    process.stdout.write(`attacked: slowest answer ${answerMs.toFixed()} ms, ${(bytes / 2 ** 20).toFixed()} MiB\n`);
    expect(answerMs).toBeLessThan(SLOWEST_ANSWER_MS);
    expect(bytes).toBeLessThan(MOST_MEMORY_BYTES);
    // It goes on: another job is done, and nothing of the attackers is left.
    expect((await ended(await order('trains'))).status).toBe('Completed');
    for (const name of names) expect(await containersOf(ids[name]), name).toEqual([]);
    expect(miner.process.exitCode).toBeNull();
  }, 240_000);

  it('an engine that is killed costs a job a start, not the job', async () => {
    const id = await order('trains');
    const [container] = await waitFor('a container', async () => nonEmpty(await containersOf(id)), POLL);
    await waitFor(
      'its start',
      async () => (await docker('inspect', '--format', '{{.State.Running}}', container!)) === 'true' || undefined,
      POLL,
    );
    await engine!.kill();
    expect((await call(`${url}/healthz`)).status).toBe(200);
    await engine!.restart();
    const back = await miner.line('a training job goes back to the queue');
    expect(back).toMatchObject({ job: id, reason: expect.stringContaining('interrupted') });
    expect(await ended(id)).toMatchObject({ status: 'Completed', attempts: 0 });
    expect(await containersOf(id)).toEqual([]);
    expect(miner.process.exitCode).toBeNull();
  }, 120_000);
});
