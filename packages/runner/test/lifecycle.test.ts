import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@tuning/kit';
import { describe, expect, it } from 'vitest';
import { type JobSpec, stopAllJobs } from '../src/index.ts';
import { processesOf, workplace } from './temporary.ts';

const daemonFile = fileURLToPath(new URL('./fixtures/daemon.mjs', import.meta.url));
const FOREVER = 'console.log("up"); setInterval(() => {}, 1000)';
const MS = { ms: 15_000, everyMs: 30 };

/** Starts a job in a daemon's process of its own and kills that daemon once the job runs. */
async function startAndKillDaemon(root: string, spec: JobSpec): Promise<void> {
  const daemon = spawn(process.execPath, [daemonFile, root, JSON.stringify(spec)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HF_TOKEN: 'hf_secret_of_the_daemon' },
  });
  await once(daemon.stdout, 'data');
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
}

const pidOf = async (root: string, id: string, file: string): Promise<number> =>
  JSON.parse(await readFile(join(root, id, file), 'utf8')).pid;

const until = (what: string, check: () => boolean | Promise<boolean>) =>
  waitFor(what, async () => ((await check()) ? true : undefined), MS);

describe.concurrent('a job and its daemon', () => {
  it('outlives a killed daemon and is adopted with its whole log', async (context) => {
    const { root, runner, spec } = await workplace(context);
    const one = await spec(
      'survivor',
      'let n = 0; setInterval(() => { console.log(n); if (n++ === 15) process.exit(0) }, 50)',
    );
    await startAndKillDaemon(root, one);
    const lines: string[] = [];
    const adopted = await (await runner()).adopt(
      { tuning: 'test' },
      { onLog: (line, id) => lines.push(`${id} ${line}`) },
    );
    expect(adopted.map(({ id, dir, labels }) => ({ id, dir, labels }))).toEqual([
      { id: 'survivor', dir: one.dir, labels: { tuning: 'test' } },
    ]);
    expect((await adopted[0]!.wait()).outcome).toBe('completed');
    expect(lines).toEqual(Array.from({ length: 16 }, (_, n) => `survivor ${n}`));
  });

  it('is held to the growth of its folder while no daemon lives', async (context) => {
    const { root, runner, spec } = await workplace(context);
    const grow = `setInterval(() => require('fs').appendFileSync('x', Buffer.alloc(2 ** 18)), 200)`;
    const one = await spec('grower', grow);
    await startAndKillDaemon(root, one);
    // Nothing but the job's own supervisor is there to see it.
    const exit = await waitFor(
      'its end',
      () => readFile(join(root, 'grower', 'exit.json'), 'utf8').catch(() => undefined),
      MS,
    );
    expect(JSON.parse(exit)).toMatchObject({ outcome: 'output' });
    expect(await processesOf(one.dir)).toEqual([]);
    const [adopted] = await (await runner()).adopt({});
    expect(await adopted!.wait()).toMatchObject({
      outcome: 'output',
      reason: expect.stringContaining('to its folder'),
    });
  });

  it("keeps the daemon's secrets out of the supervisor too", async (context) => {
    const { root, spec } = await workplace(context);
    await startAndKillDaemon(root, await spec('secret', FOREVER));
    const supervisor = await pidOf(root, 'secret', 'supervisor.json');
    const environment = await readFile(`/proc/${supervisor}/environ`, 'utf8');
    expect(environment).toContain('PATH=');
    expect(environment).not.toContain('HF_TOKEN');
  });

  it('is found again ended, until it is removed', async (context) => {
    const { root, runner, spec } = await workplace(context);
    const one = await spec('twice', 'console.log(Math.random())');
    const first = await runner();
    const result = await (await first.start(one)).wait();
    await first.close();
    const second = await runner();
    expect(await second.adopt({ tuning: 'other' })).toEqual([]);
    const [adopted] = await second.adopt({});
    expect(await adopted!.wait()).toEqual(result);
    expect(await (await second.start(one)).wait()).toEqual(result);
    await second.remove('twice');
    await second.remove('twice');
    expect(await second.adopt({})).toEqual([]);
    const again = await (await second.start(one)).wait();
    expect(again.logTail).not.toBe(result.logTail);
    await expect(readFile(join(root, 'twice', 'exit.json'), 'utf8')).resolves.toContain('completed');
  });

  it('runs once when it is started several times at once', async (context) => {
    const { runner, spec } = await workplace(context);
    const one = await spec('once', 'console.log("ran")');
    const [a, b] = [await runner(), await runner()];
    const jobs = await Promise.all([a.start(one), a.start(one), b.start(one)]);
    const results = await Promise.all(jobs.map((job) => job.wait()));
    for (const result of results) expect(result.logTail).toBe('ran\n');
  });

  it('is lost, and cleaned up, when its supervisor is killed', async (context) => {
    const { root, runner, spec } = await workplace(context);
    const one = await spec('lost', FOREVER);
    const job = await (await runner()).start(one);
    await until('the process', async () => (await processesOf(one.dir)).length === 1);
    process.kill(await pidOf(root, 'lost', 'supervisor.json'), 'SIGKILL');
    expect(await job.wait()).toMatchObject({ outcome: 'lost', exitCode: null });
    expect(await processesOf(one.dir)).toEqual([]);
  });

  it('is not confused by a later process with the same pid', async (context) => {
    const { root, runner, spec } = await workplace(context);
    const first = await runner();
    await (await first.start(await spec('reused', ''))).wait();
    await first.close();
    await rm(join(root, 'reused', 'exit.json'));
    // As if the machine had given the pid to this test's process.
    for (const file of ['supervisor.json', 'process.json']) {
      const identity = JSON.parse(await readFile(join(root, 'reused', file), 'utf8'));
      await writeFile(join(root, 'reused', file), JSON.stringify({ ...identity, pid: process.pid }));
    }
    const [job] = await (await runner()).adopt({});
    expect((await job!.wait()).outcome).toBe('lost');
  });

  it('that was registered but not begun is begun by adoption, or never after its removal', async (context) => {
    const { root, runner, spec } = await workplace(context);
    // What a daemon leaves that is killed between the two steps of a start.
    for (const id of ['begun', 'never']) {
      await mkdir(join(root, id), { recursive: true });
      const job = { version: 1, spec: await spec(id, 'console.log("ran")'), createdAt: 1 };
      await writeFile(join(root, id, 'job.json'), JSON.stringify(job));
    }
    await mkdir(join(root, 'empty'));
    await writeFile(join(root, 'never', 'job.json.0.tmp'), '{');
    const one = await runner();
    await one.remove('never');
    const adopted = await one.adopt({});
    expect(adopted.map(({ id }) => id)).toEqual(['begun']);
    expect(await adopted[0]!.wait()).toMatchObject({ outcome: 'completed', logTail: 'ran\n' });
  });

  it('whose registration is deleted by something else is lost, not waited for', async (context) => {
    const { root, runner, spec } = await workplace(context);
    const one = await spec('deleted', 'setTimeout(() => {}, 500)');
    const job = await (await runner()).start(one);
    // The supervisor may be writing into it at this very moment.
    await rm(join(root, 'deleted'), { recursive: true, maxRetries: 10, retryDelay: 20 });
    expect((await job.wait()).outcome).toBe('lost');
    await until('its end', async () => (await processesOf(one.dir)).length === 0);
  });

  it('is stopped by SIGTERM with time for a checkpoint, together with its children', async (context) => {
    const { runner, spec } = await workplace(context);
    const script = `
      require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      process.on('SIGTERM', () => { require('fs').writeFileSync('checkpoint', 'x'); process.exit(0) });
      ${FOREVER}`;
    const one = await spec('stop', script);
    const lines: string[] = [];
    const job = await (await runner()).start(one, { onLog: (line) => lines.push(line) });
    await until('the job', () => lines.includes('up'));
    const [result, same] = await Promise.all([job.stop(), job.wait()]);
    expect(result).toMatchObject({ outcome: 'stopped', exitCode: 0, reason: 'stopped on request' });
    expect(same).toEqual(result);
    expect(await job.stop()).toEqual(result);
    expect(await readFile(join(one.dir, 'checkpoint'), 'utf8')).toBe('x');
    expect(await processesOf(one.dir)).toEqual([]);
  });

  it('goes on when the runner closes, and the waiting is told', async (context) => {
    const { runner, spec } = await workplace(context);
    const one = await spec('closed', FOREVER);
    const first = await runner();
    const job = await first.start(one);
    const aborted = job.wait(AbortSignal.timeout(50));
    await expect(aborted).rejects.toThrow();
    const waiting = expect(job.wait()).rejects.toMatchObject({ code: 'RUNNER_CLOSED' });
    await first.close();
    await waiting;
    await expect(first.start(one)).rejects.toMatchObject({ code: 'RUNNER_CLOSED' });
    await until('the process', async () => (await processesOf(one.dir)).length === 1);
  });

  it('is stopped by stopAllJobs without any runner, deaf ones at the given grace', async (context) => {
    const { root, spec } = await workplace(context);
    const deaf = await spec('deaf', `process.on('SIGTERM', () => {}); ${FOREVER}`, { limits: { graceMs: 60_000 } });
    const polite = await spec('polite', FOREVER);
    await Promise.all([deaf, polite].map((one) => startAndKillDaemon(root, one)));
    await until(
      'both',
      async () => (await processesOf(deaf.dir)).length + (await processesOf(polite.dir)).length === 2,
    );
    const supervisors = await Promise.all([deaf, polite].map(({ id }) => pidOf(root, id, 'supervisor.json')));
    const before = Date.now();
    expect(await stopAllJobs(root, { graceMs: 300 })).toBe(2);
    expect(Date.now() - before).toBeLessThan(10_000);
    for (const { dir } of [deaf, polite]) expect(await processesOf(dir)).toEqual([]);
    for (const pid of supervisors) {
      // A zombie has state Z until its adoptive parent collects it.
      const state = await readFile(`/proc/${pid}/stat`, 'utf8').then(
        (text) => text.split(') ')[1]![0],
        () => 'gone',
      );
      expect(['gone', 'Z']).toContain(state);
    }
    expect(await stopAllJobs(root)).toBe(0);
    expect(await stopAllJobs(join(root, 'nothing-here'))).toBe(0);
  });

  it('is refused with a reason where its spec makes no sense', async (context) => {
    const place = await workplace(context);
    const runner = await place.runner();
    const good = await place.spec('good', '');
    for (const bad of [
      { ...good, id: '../up' },
      { ...good, command: ['node'] },
      { ...good, dir: join(good.dir, 'absent') },
      { ...good, limits: { ...good.limits, wallMs: 0 } },
    ]) {
      await expect(runner.start(bad)).rejects.toMatchObject({ name: 'BadInputError', code: 'JOB_SPEC_INVALID' });
    }
  });
});
