import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { docker } from './docker-cli.ts';
import { dockerPlace, hasImage } from './engine.ts';

const GIB = 1024 ** 3;

describe.skipIf(!(await hasImage()))('a job in a container', () => {
  it('has every bound that an independent look can see', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner({ cpus: 0.5, pids: 99, shmBytes: 2 ** 20 });
    const job = await runner.start(await place.spec('bounds', 'setTimeout(() => {}, 60_000)'));
    const [container] = await place.containersOf('bounds');
    const [found] = JSON.parse(await docker('inspect', container!));
    expect(found.HostConfig).toMatchObject({
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      Init: true,
      Memory: 256 * 1024 ** 2,
      MemorySwap: 256 * 1024 ** 2,
      PidsLimit: 99,
      NanoCpus: 500_000_000,
      ShmSize: 2 ** 20,
      Binds: null,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=268435456,mode=1777' },
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '4m', 'max-file': '2' } },
      RestartPolicy: { Name: 'no' },
    });
    expect(found.Config.Tty).toBe(false);
    expect(found.Config.User).not.toMatch(/^(0|root)?(:|$)/);
    expect(
      Object.fromEntries(found.Mounts.map((m: { Destination: string; RW: boolean }) => [m.Destination, m.RW])),
    ).toEqual({
      '/job': false,
      '/job/out': true,
    });
    expect((await job.stop()).outcome).toBe('stopped');
  });

  it('gets its folder and its environment, and gives back its files and every line', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner();
    const spec = await place.spec(
      'whole',
      `const fs = require('fs');
       fs.writeFileSync('out/answer', fs.readFileSync('question', 'utf8') + process.env.TUNING_JOB_DIR + process.env.MORE);
       console.error('to stderr'); console.log('to stdout'); console.log('x'.repeat(50_000)); process.stdout.write('no newline')`,
      { env: { MORE: '!' } },
    );
    await writeFile(join(spec.dir, 'question'), 'where? ', { mode: 0o600 });
    const lines: string[] = [];
    const job = await runner.start(spec, { onLog: (line) => lines.push(line) });
    expect(await job.wait()).toMatchObject({ outcome: 'completed', exitCode: 0 });
    // The engine hands a long line on in pieces of 16 KiB at most.
    expect(lines.toSorted()).toEqual(['no newline', 'to stderr', 'to stdout', 'x'.repeat(50_000)]);
    expect(await readFile(join(spec.dir, 'out', 'answer'), 'utf8')).toBe('where? /job!');
    await runner.remove('whole');
    expect(await place.containersOf('whole')).toEqual([]);
  });

  it('cannot write its inputs or the root, reach the network, gain rights, or see the wallets', async (context) => {
    const place = await dockerPlace(context);
    const wallets = join(place.folder, 'wallets');
    await mkdir(wallets);
    await writeFile(join(wallets, 'hotkey'), 'secret');
    await chmod(wallets, 0o755);
    const runner = await place.runner();
    const spec = await place.spec(
      'prison',
      `const fs = require('fs'), net = require('net');
       const tried = {};
       const attempt = (name, work) => { try { work(); tried[name] = 'done'; } catch (e) { tried[name] = e.code; } };
       attempt('input', () => fs.writeFileSync('/job/recipe.yml', 'x'));
       attempt('root', () => fs.writeFileSync('/usr/bin/x', 'x'));
       attempt('wallet', () => fs.readFileSync(${JSON.stringify(join(wallets, 'hotkey'))}));
       attempt('socket', () => fs.statSync('/var/run/docker.sock'));
       attempt('shadow', () => process.setuid(0));
       tried.caps = /CapEff:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];
       tried.nics = Object.keys(require('os').networkInterfaces()).filter((n) => n !== 'lo');
       net.connect(443, '1.1.1.1').on('error', (e) => { tried.network = e.code; console.log(JSON.stringify(tried)); });`,
    );
    const lines: string[] = [];
    const job = await runner.start(spec, { onLog: (line) => lines.push(line) });
    expect((await job.wait()).outcome).toBe('completed');
    expect(JSON.parse(lines[0]!)).toEqual({
      input: 'EROFS',
      root: 'EROFS',
      wallet: 'ENOENT',
      socket: 'ENOENT',
      shadow: 'EPERM',
      caps: '0000000000000000',
      nics: [],
      network: 'ENETUNREACH',
    });
  });

  it('ends at its memory, told apart from a crash and from a child that was killed', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner();
    const outcomeOf = async (id: string, script: string) => {
      const job = await runner.start(await place.spec(id, script));
      return job.wait();
    };
    const grow = 'const a = []; for (;;) a.push(Buffer.alloc(2 ** 24, 1))';
    const [memory, crash, child] = await Promise.all([
      outcomeOf('grows', grow),
      outcomeOf('crashes', 'process.exit(7)'),
      outcomeOf(
        'child',
        `require('child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(grow)}]); console.log('survived')`,
      ),
    ]);
    expect(memory).toMatchObject({ outcome: 'memory', exitCode: 137 });
    expect(memory.reason).toContain('limit of 268435456 bytes');
    expect(crash).toMatchObject({ outcome: 'failed', exitCode: 7 });
    expect(child).toMatchObject({ outcome: 'completed', logTail: 'survived\n' });
  });

  it('ends at its time, with a grace for the checkpoint, also where it ignores SIGTERM or spins', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner();
    const limits = { wallMs: 2_000, graceMs: 1_000 };
    const scripts = {
      saves: `process.on('SIGTERM', () => { require('fs').writeFileSync('out/checkpoint', 'x'); process.exit(143) }); setInterval(() => {}, 1000)`,
      ignores: `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`,
      spins: 'for (;;);',
    };
    const results = await Promise.all(
      Object.entries(scripts).map(async ([id, script]) =>
        (await runner.start(await place.spec(id, script, { limits }))).wait(),
      ),
    );
    expect(results.map(({ outcome, exitCode }) => [outcome, exitCode])).toEqual([
      ['timeout', 143],
      ['timeout', 137],
      ['timeout', 143],
    ]);
    expect(await readFile(join(place.folder, 'saves', 'out', 'checkpoint'), 'utf8')).toBe('x');
  });

  it('cannot take the machine: forks, disk', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner({ pids: 64 });
    const forks = await runner.start(
      // It goes on when it is refused another process; a shell would end.
      await place.spec(
        'forks',
        `const { spawn } = require('child_process'); setInterval(() => spawn('/bin/sleep', ['90']).on('error', () => {}), 20)`,
        { limits: { graceMs: 500 } },
      ),
    );
    const disk = await runner.start(
      await place.spec(
        'disk',
        `const fs = require('fs'); for (;;) { fs.appendFileSync('out/x', Buffer.alloc(2 ** 20)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20) }`,
      ),
    );
    // The engine counts: the bomb has all that it may have, and no more.
    const [bomb] = await place.containersOf('forks');
    const processes = async () => Number(await docker('stats', '--no-stream', '--format', '{{.PIDs}}', bomb!));
    await expect.poll(processes, { timeout: 30_000 }).toBeGreaterThan(48);
    expect(await processes()).toBeLessThanOrEqual(64);
    expect((await forks.stop()).outcome).toBe('stopped');
    expect(await disk.wait()).toMatchObject({ outcome: 'output' });
    // The daemon and the engine are well.
    const after = await runner.start(await place.spec('after', 'console.log(1)'));
    expect(await after.wait()).toMatchObject({ outcome: 'completed' });
  });

  it('prints a gigabyte without loss and without filling memory or disk', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner();
    const line = 'x'.repeat(1_000);
    const count = Math.floor(GIB / (line.length + 8));
    const spec = await place.spec(
      'prints',
      `const line = '${line}'; let i = 0;
       const more = () => { while (i < ${count}) { if (!process.stdout.write(String(i++).padStart(7, '0') + line + '\\n')) return process.stdout.once('drain', more) } }; more()`,
      { limits: { wallMs: 300_000 } },
    );
    global.gc?.();
    const before = process.memoryUsage.rss();
    let seen = 0;
    let gaps = 0;
    let peak = 0;
    const job = await runner.start(spec, {
      onLog: (text) => {
        if (Number(text.slice(0, 7)) !== seen) gaps++;
        seen++;
        if (seen % 50_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
      },
    });
    expect(await job.wait()).toMatchObject({ outcome: 'completed' });
    expect({ seen, gaps }).toEqual({ seen: count, gaps: 0 });
    expect((peak - before) / 2 ** 20).toBeLessThan(150);
  }, 400_000);
});
