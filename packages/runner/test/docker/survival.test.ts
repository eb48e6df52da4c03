import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { globalAgent } from 'node:http';
import { join } from 'node:path';
import { sleep } from '@tuning/kit';
import { describe, expect, it } from 'vitest';
import { createDockerRunner } from '../../src/index.ts';
import { docker, IMAGE } from './docker-cli.ts';
import { dockerPlace, hasImage } from './engine.ts';
import { canStartEngine, startOwnEngine } from './own-engine.ts';

const engineHere = await hasImage();
/** These tests kill an engine, so they start one of their own. */
const ownEngine = engineHere && canStartEngine;

async function withHost<T>(host: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['DOCKER_HOST'];
  process.env['DOCKER_HOST'] = host;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = before;
  }
}

const ticking = `let i = 0; setInterval(() => { console.log('tick ' + i); if (++i === 30) process.exit(0) }, 100)`;

describe.skipIf(!engineHere)('containers and the daemon’s lives', () => {
  it('takes up a running container, with its output from the first line on, and starts no second one', async (context) => {
    const place = await dockerPlace(context);
    const first = await place.runner();
    await first.start(await place.spec('adopted', ticking));
    const before = await place.containersOf('adopted');
    await first.close();
    const second = await place.runner();
    const lines: string[] = [];
    const [job] = await second.adopt({ place: place.folder }, { onLog: (line) => lines.push(line) });
    expect(await place.containersOf('adopted')).toEqual(before);
    expect(await job!.wait()).toMatchObject({ outcome: 'completed', exitCode: 0 });
    expect(lines).toEqual(Array.from({ length: 30 }, (_, i) => `tick ${i}`));
  });

  it('lets go at once of a container that it took up', async (context) => {
    const place = await dockerPlace(context);
    const first = await place.runner();
    await first.start(await place.spec('left', 'setInterval(() => console.log(1), 100)'));
    await first.close();
    const second = await place.runner();
    let lines = 0;
    const [job] = await second.adopt({ place: place.folder }, { onLog: () => lines++ });
    await expect.poll(() => lines, { timeout: 10_000 }).toBeGreaterThan(2);
    const waiting = expect(job!.wait()).rejects.toMatchObject({ code: 'RUNNER_CLOSED' });
    await second.close();
    await waiting;
    expect(await docker('ps', '-q', '--no-trunc', '--filter', 'label=tuning.job=left')).toBe(
      (await place.containersOf('left')).join(),
    );
  });

  it('tells the result of a container that ended while nobody looked', async (context) => {
    const place = await dockerPlace(context);
    const first = await place.runner();
    await first.start(await place.spec('unseen', `process.stdout.write('last words'); process.exitCode = 5`));
    await first.close();
    const [container] = await place.containersOf('unseen');
    await docker('wait', container!);
    const second = await place.runner();
    const [job] = await second.adopt({ place: place.folder });
    expect(await job!.wait()).toMatchObject({ outcome: 'failed', exitCode: 5, logTail: 'last words\n' });
    // Still known when started again under its id.
    expect(await (await second.start(await place.spec('unseen', ''))).wait()).toMatchObject({ exitCode: 5 });
  });

  it('stops at once what passed its time or its disk while nobody looked', async (context) => {
    const place = await dockerPlace(context);
    const first = await place.runner();
    const ids = ['overdue', 'overfull'];
    const late = await place.spec('overdue', 'setInterval(() => {}, 1000)', { limits: { wallMs: 8_000 } });
    const full = await place.spec(
      'overfull',
      `setTimeout(() => require('fs').writeFileSync('out/x', Buffer.alloc(9 * 2 ** 20)), 6000); setInterval(() => {}, 1000)`,
    );
    const begun = performance.now();
    await Promise.all([first.start(late), first.start(full)]);
    await first.close();
    await sleep(Math.max(0, 10_000 - (performance.now() - begun)));
    const running = async (id: string) =>
      docker('inspect', '--format', '{{.State.Running}}', (await place.containersOf(id))[0]!);
    expect(await Promise.all(ids.map(running))).toEqual(['true', 'true']);
    const second = await place.runner();
    const jobs = await second.adopt({ place: place.folder });
    const results = new Map(await Promise.all(jobs.map(async (job) => [job.id, await job.wait()] as const)));
    expect(results.get('overdue')).toMatchObject({ outcome: 'timeout', reason: 'ran longer than 8000 ms' });
    expect(results.get('overfull')).toMatchObject({ outcome: 'output' });
    expect(await Promise.all(ids.map(running))).toEqual(['false', 'false']);
  });

  it('ends by itself at its time while no daemon lives, also where it ignores SIGTERM', async (context) => {
    const place = await dockerPlace(context);
    const first = await place.runner();
    const limits = { wallMs: 1_000, graceMs: 1_000 };
    const scripts = {
      heeds: `process.on('SIGTERM', () => { require('fs').writeFileSync('out/checkpoint', 'x'); process.exit(143) }); setInterval(() => {}, 1000)`,
      ignores: `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`,
    };
    for (const [id, script] of Object.entries(scripts)) await first.start(await place.spec(id, script, { limits }));
    await first.close();
    for (const id of Object.keys(scripts)) await docker('wait', (await place.containersOf(id))[0]!);
    const second = await place.runner();
    for (const job of await second.adopt({ place: place.folder })) {
      expect(await job.wait()).toMatchObject({ outcome: 'timeout', reason: 'ran longer than 1000 ms' });
    }
    expect(await readFile(join(place.folder, 'heeds', 'out', 'checkpoint'), 'utf8')).toBe('x');
  });

  it('ends by itself when its folder grows too much while no daemon lives, in one file or in many', async (context) => {
    const place = await dockerPlace(context);
    const first = await place.runner();
    const limits = { outputBytes: 2 ** 20 };
    const scripts = {
      large: `setTimeout(() => require('fs').writeFileSync('out/x', Buffer.alloc(8 * 2 ** 20)), 3000); setInterval(() => {}, 1000)`,
      // Their bytes are few, their blocks are not.
      many: `setTimeout(() => { for (let i = 0; i < 3000; i++) require('fs').writeFileSync('out/' + i, 'x') }, 3000); setInterval(() => {}, 1000)`,
      small: `require('fs').writeFileSync('out/x', 'x'); setInterval(() => {}, 1000)`,
    };
    for (const [id, script] of Object.entries(scripts)) await first.start(await place.spec(id, script, { limits }));
    await first.close();
    for (const id of ['large', 'many']) await docker('wait', (await place.containersOf(id))[0]!);
    const [small] = await place.containersOf('small');
    expect(await docker('inspect', '--format', '{{.State.Running}}', small!)).toBe('true');
    const second = await place.runner();
    const jobs = new Map((await second.adopt({ place: place.folder })).map((job) => [job.id, job]));
    expect(await jobs.get('large')!.wait()).toMatchObject({
      outcome: 'output',
      reason: expect.stringMatching(/^wrote \d+ bytes/),
    });
    expect(await jobs.get('many')!.wait()).toMatchObject({
      outcome: 'output',
      reason: expect.stringContaining('blocks'),
    });
    expect(await jobs.get('small')!.stop()).toMatchObject({ outcome: 'stopped' });
  }, 60_000);

  it('counts what a container wrote between the last look and its end', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner();
    const script = `require('fs').writeFileSync('out/x', Buffer.alloc(9 * 2 ** 20))`;
    expect(await (await runner.start(await place.spec('quick', script))).wait()).toMatchObject({ outcome: 'output' });
  });

  it('ends a job whose container somebody removed', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner();
    const job = await runner.start(await place.spec('taken', 'setInterval(() => {}, 1000)'));
    const [container] = await place.containersOf('taken');
    await docker('rm', '-f', container!);
    // The engine kills first and removes then: either may be seen.
    expect((await job.wait()).outcome).toMatch(/^(lost|failed)$/);
  });

  it('runs an image by its id, which a tag that moves does not change', async (context) => {
    const place = await dockerPlace(context);
    const id = await docker('image', 'inspect', '--format', '{{.Id}}', IMAGE);
    const tag = `tuning-moving:${process.pid}`;
    await docker('tag', IMAGE, tag);
    context.onTestFinished(async () => void (await docker('rmi', tag)));
    const runner = await place.runner();
    for (const [name, image] of Object.entries({ 'by-id': id, 'by-tag': tag })) {
      const job = await runner.start(await place.spec(name, 'console.log(1)', { image }));
      expect(await job.wait()).toMatchObject({ outcome: 'completed' });
      const [container] = await place.containersOf(name);
      const [asked, run] = JSON.parse(
        await docker('inspect', '--format', '[{{json .Config.Image}},{{json .Image}}]', container!),
      );
      expect([asked, run]).toEqual([id, id]);
    }
  });

  it('sweeps its own leftovers and never a neighbour’s', async (context) => {
    const place = await dockerPlace(context);
    const neighbour = await dockerPlace(context);
    const other = await neighbour.runner();
    await other.start(await neighbour.spec('theirs', 'setInterval(() => {}, 1000)'));
    await place.runner();
    const { name } = JSON.parse(await readFile(join(place.root, 'docker.json'), 'utf8'));
    await docker('create', '--label', `tuning.registry=${name}`, '--label', 'tuning.job=gone', IMAGE, 'node');
    const left = () => docker('ps', '-aq', '--filter', `label=tuning.registry=${name}`);
    expect(await left()).not.toBe('');
    await place.runner();
    expect(await left()).toBe('');
    expect(await neighbour.containersOf('theirs')).toHaveLength(1);
  });

  it('says in one line what the operator has to mend, and leaves no container behind', async (context) => {
    const place = await dockerPlace(context);
    const runner = await place.runner({ gpus: 'all' });
    await expect(runner.start(await place.spec('gpu', ''))).rejects.toMatchObject({
      name: 'OperatorError',
      code: 'DOCKER_NO_GPU_RUNTIME',
      message: expect.stringContaining('NVIDIA container toolkit'),
    });
    const plain = await place.runner();
    await expect(plain.start(await place.spec('image', '', { image: 'no-such-image:1' }))).rejects.toMatchObject({
      name: 'OperatorError',
      code: 'DOCKER_IMAGE_MISSING',
      message: expect.stringContaining('no-such-image:1'),
    });
    // The container's init tells of a missing command.
    const missing = await plain.start(await place.spec('command', '', { command: ['/no/such'] }));
    expect(await missing.wait()).toMatchObject({
      outcome: 'failed',
      exitCode: 127,
      logTail: expect.stringContaining('/no/such'),
    });
    for (const id of ['gpu', 'image']) expect(await place.containersOf(id)).toEqual([]);
    await withHost('unix:///nowhere/docker.sock', () =>
      expect(createDockerRunner({ root: place.root, engineWaitMs: 0 })).rejects.toMatchObject({
        name: 'OperatorError',
        code: 'DOCKER_NOT_RUNNING',
      }),
    );
  });
});

/** The engine's socket is root's, and its group's. */
describe.skipIf(!engineHere || process.getuid?.() !== 0)('a daemon without rights', () => {
  it('is told that it may not use the engine', async (context) => {
    // The tests' own folder is root's alone.
    const root = await mkdtemp('/tmp/tuning-no-rights-');
    context.onTestFinished(() => rm(root, { recursive: true, force: true }));
    await chown(root, 65_534, 65_534);
    const groups = process.getgroups!();
    // Connections that earlier tests made as root.
    globalAgent.destroy();
    process.setgroups!([]);
    process.setegid!(65_534);
    process.seteuid!(65_534);
    try {
      await expect(createDockerRunner({ root, engineWaitMs: 5_000 })).rejects.toMatchObject({
        name: 'OperatorError',
        code: 'DOCKER_NO_RIGHTS',
        message: expect.stringContaining('group docker'),
      });
    } finally {
      process.seteuid!(0);
      process.setegid!(0);
      process.setgroups!(groups);
    }
  });
});

describe.skipIf(!ownEngine)('an engine that is killed', () => {
  it('ends its jobs as lost, with the reason, and serves the next one', async (context) => {
    const engine = await startOwnEngine(`/tmp/te-${process.pid}`, IMAGE);
    context.onTestFinished(() => engine.stop());
    await withHost(engine.host, async () => {
      const place = await dockerPlace({ onTestFinished: () => {} });
      const runner = await place.runner();
      const job = await runner.start(await place.spec('cut', 'setInterval(() => console.log(1), 50)'));
      await engine.kill();
      await engine.restart();
      expect(await job.wait(AbortSignal.timeout(60_000))).toMatchObject({ outcome: 'lost' });
      await runner.remove('cut');
      const next = await runner.start(await place.spec('next', 'console.log(1)'));
      expect(await next.wait(AbortSignal.timeout(60_000))).toMatchObject({ outcome: 'completed' });
      await runner.close();
    });
  }, 180_000);
});
