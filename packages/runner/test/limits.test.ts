import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { processesOf, workplace } from './temporary.ts';

const FOREVER = 'setInterval(() => {}, 1000)';

describe.concurrent('a job', () => {
  it('completes, and tells what it printed and used', async (context) => {
    const { runner, spec } = await workplace(context);
    const job = await (await runner()).start(
      await spec('ok', 'console.log("one"); console.error("two"); process.stdout.write("end")'),
    );
    const result = await job.wait();
    expect(result).toMatchObject({ outcome: 'completed', exitCode: 0, reason: 'exit code 0' });
    expect(result.logTail.split('\n').sort()).toEqual(['', 'end', 'one', 'two']);
    expect(result.endedAt).toBeGreaterThan(result.startedAt);
  });

  it('fails with its exit code, its signal, or the reason why it did not start', async (context) => {
    const place = await workplace(context);
    const runner = await place.runner();
    const code = await runner.start(await place.spec('code', 'console.error("bad input"); process.exit(2)'));
    const signal = await runner.start(await place.spec('signal', 'process.kill(process.pid, "SIGKILL")'));
    const absent = await runner.start({ ...(await place.spec('absent', '')), command: ['/no/such/command'] });
    expect(await code.wait()).toMatchObject({ outcome: 'failed', exitCode: 2, logTail: 'bad input\n' });
    expect(await signal.wait()).toMatchObject({
      outcome: 'failed',
      exitCode: null,
      reason: 'ended by SIGKILL (the machine may be out of memory)',
    });
    expect(await absent.wait()).toMatchObject({ outcome: 'failed', exitCode: null });
    expect((await absent.wait()).reason).toContain('ENOENT');
  });

  it('is killed when it uses too much memory, its children counted in', async (context) => {
    const { runner, spec } = await workplace(context);
    // Neither process alone goes over the limit of 220 MiB.
    const hog =
      'const all = []; setInterval(() => { if (all.length < 8) all.push(Buffer.alloc(10 * 2 ** 20, 1)) }, 20);';
    const script = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(hog)}]); ${hog}`;
    const memory = await spec('memory', script, { limits: { memoryBytes: 220 * 2 ** 20 } });
    const result = await (await (await runner()).start(memory)).wait();
    expect(result.outcome).toBe('memory');
    expect(result.reason).toMatch(/used \d+ MiB of memory, 220 MiB are allowed/);
    expect(result.peakRssBytes).toBeGreaterThan(220 * 2 ** 20);
    expect(await processesOf(memory.dir)).toEqual([]);
  });

  it('is stopped at its wall limit, and killed where it ignores SIGTERM', async (context) => {
    const place = await workplace(context);
    const runner = await place.runner();
    const deaf = await place.spec('deaf', `process.on('SIGTERM', () => console.log('heard')); ${FOREVER}`, {
      limits: { wallMs: 1_000, graceMs: 500 },
    });
    const result = await (await runner.start(deaf)).wait();
    expect(result).toMatchObject({ outcome: 'timeout', exitCode: null, logTail: 'heard\n' });
    expect(result.endedAt - result.startedAt).toBeGreaterThan(1_400);
    expect(await processesOf(deaf.dir)).toEqual([]);
  });

  it('is stopped when its folder grows too much, what lay there before not counted', async (context) => {
    const { runner, spec } = await workplace(context);
    const shared = runner();
    const fine = await spec('fine', 'require("fs").writeFileSync("small", Buffer.alloc(1000))');
    await writeFile(`${fine.dir}/input`, Buffer.alloc(2 * 1024 ** 2));
    const large = await spec('large', `require("fs").writeFileSync("large", Buffer.alloc(2 * 1024 ** 2)); ${FOREVER}`);
    // Ends before the folder is looked at for the first time.
    const quick = await spec('quick', 'require("fs").writeFileSync("large", Buffer.alloc(2 * 1024 ** 2))');
    const started = await Promise.all([fine, large, quick].map(async (one) => (await shared).start(one)));
    const results = await Promise.all(started.map((job) => job.wait()));
    expect(results.map(({ outcome }) => outcome)).toEqual(['completed', 'output', 'output']);
  });

  it('leaves no process behind, not even one that left its session', async (context) => {
    const { runner, spec } = await workplace(context);
    const child = (detached: boolean) =>
      `require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'],
         { detached: ${detached}, stdio: 'inherit' }).unref();`;
    const littering = await spec('litter', `${child(false)} ${child(true)} setTimeout(() => process.exit(0), 300)`);
    const result = await (await (await runner()).start(littering)).wait();
    expect(result.outcome).toBe('completed');
    expect(await processesOf(littering.dir)).toEqual([]);
  });

  it('sees nothing of the daemon but PATH and LANG', async (context) => {
    process.env['SOME_TOKEN'] = 'hf_not_for_jobs';
    context.onTestFinished(() => void delete process.env['SOME_TOKEN']);
    const { runner, spec } = await workplace(context);
    const one = await spec('env', 'console.log(JSON.stringify({ env: process.env, cwd: process.cwd() }))', {
      env: { THREADS: '2' },
    });
    const { logTail } = await (await (await runner()).start(one)).wait();
    const { env, cwd } = JSON.parse(logTail);
    expect(cwd).toBe(one.dir);
    expect(Object.keys(env).sort()).toEqual([
      'HOME',
      'LANG',
      'ORT_DISABLE_TELEMETRY',
      'PATH',
      'THREADS',
      'TUNING_JOB_DIR',
    ]);
    expect(env).toMatchObject({ HOME: one.dir, TUNING_JOB_DIR: one.dir, THREADS: '2', ORT_DISABLE_TELEMETRY: '1' });
  });
});
