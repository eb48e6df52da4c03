import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDockerRunner } from '../../src/index.ts';

/** An engine without containers that goes away in the middle of its first lists. */
class FakeEngine {
  readonly cuts: number;
  lists = 0;
  readonly server = createServer((request, response) => {
    if (request.url!.endsWith('/_ping')) return response.end('OK');
    this.lists++;
    if (this.lists <= this.cuts) return request.socket.destroy();
    return response.setHeader('content-type', 'application/json').end('[]');
  });

  constructor(cuts: number) {
    this.cuts = cuts;
  }
}

describe('an engine that goes away while the runner opens', () => {
  let folder: string;
  const before = process.env['DOCKER_HOST'];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'away-'));
    process.env['DOCKER_HOST'] = `unix://${folder}/engine.sock`;
  });
  afterEach(async () => {
    if (before === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = before;
    await rm(folder, { recursive: true, force: true });
  });

  const open = async (cuts: number, engineWaitMs: number) => {
    const engine = new FakeEngine(cuts);
    engine.server.listen(join(folder, 'engine.sock'));
    await once(engine.server, 'listening');
    try {
      const runner = await createDockerRunner({ root: join(folder, 'registry'), engineWaitMs });
      await runner.close();
      return engine.lists;
    } finally {
      engine.server.closeAllConnections();
      engine.server.close();
    }
  };

  it('is waited for, as one that is not up yet', async () => {
    expect(await open(2, 10_000)).toBe(3);
  });

  it('is told by name where it stays away', async () => {
    await expect(open(Number.POSITIVE_INFINITY, 0)).rejects.toMatchObject({
      name: 'TransientError',
      code: 'DOCKER_UNREACHABLE',
    });
  });
});
