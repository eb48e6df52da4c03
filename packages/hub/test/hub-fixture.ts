import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@tuning/kit';
// The hub alone: the package's entry would load the whole chain emulation.
import { type LocalHub, startHub } from '../../devnet/src/hub/index.ts';
import { createHub, type Hub, type HubOptions } from '../src/index.ts';

export interface Fixture {
  server: LocalHub;
  folder: string;
  /** Our client for a new token, or without one. */
  client(who: { namespace: string; role: 'read' | 'write' } | undefined, options?: Partial<HubOptions>): Promise<Hub>;
  stop(): Promise<void>;
}

/** A local hub and a folder for files, both gone after `stop`. */
export async function openFixture(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-client-'));
  const server = await startHub({ dataDir: join(folder, 'hub') });
  return {
    server,
    folder,
    async client(who, options = {}) {
      const token = who ? new Secret(await server.createToken(who)) : undefined;
      return createHub({ endpoint: server.endpoint, retryBaseMs: 5, ...(token ? { token } : {}), ...options });
    },
    async stop() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The code and message of what a promise throws. */
export async function failureOf(promise: Promise<unknown>): Promise<{ name: string; code: string; message: string }> {
  try {
    await promise;
  } catch (error) {
    const { name, code, message } = error as { name: string; code: string; message: string };
    return { name, code, message };
  }
  throw new Error('expected a failure');
}
