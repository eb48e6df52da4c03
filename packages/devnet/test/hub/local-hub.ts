import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalHub, type LocalHubOptions, startHub } from '../../src/hub/index.ts';

/** A hub in a folder of its own with two users; `alice` writes and reads, `bob` writes elsewhere. */
export interface HubFixture {
  hub: LocalHub;
  dataDir: string;
  alice: string;
  aliceReader: string;
  bob: string;
  /** Request with a token, as a stranger's own program could send it. */
  send(path: string, init?: RequestInit & { token?: string; duplex?: 'half' }): Promise<Response>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function openHub(options: Partial<LocalHubOptions> = {}): Promise<HubFixture> {
  const dataDir = await mkdtemp(join(tmpdir(), 'local-hub-'));
  const hub = await startHub({ ...options, dataDir });
  const fixture: HubFixture = {
    hub,
    dataDir,
    alice: await hub.createToken({ namespace: 'alice', role: 'write' }),
    aliceReader: await hub.createToken({ namespace: 'alice', role: 'read' }),
    bob: await hub.createToken({ namespace: 'bob', role: 'write' }),
    send(path, init = {}) {
      const { token, headers, ...rest } = init;
      return fetch(`${fixture.hub.endpoint}${path}`, {
        ...rest,
        headers: { ...(headers as Record<string, string>), ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      });
    },
    async restart() {
      await fixture.hub.close();
      fixture.hub = await startHub({ ...options, dataDir });
    },
    async stop() {
      await fixture.hub.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return fixture;
}
