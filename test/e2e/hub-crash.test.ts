import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { checkHub, startHub } from '@tuning/devnet';
import { describe, expect, it } from 'vitest';
import { type Access, atOnce, bytesOf, Ledger, oneByOne } from './hub-crash/workload.ts';

const SERVE = fileURLToPath(new URL('./hub-crash/serve.mjs', import.meta.url));
/** HUB_CRASH_ALL=1 kills at every step in place of every twelfth. */
const STRIDE = process.env['HUB_CRASH_ALL'] === '1' ? 1 : 12;
const DEADLINE_MS = STRIDE === 1 ? 3_600_000 : 600_000;
/** Steps of a whole run are counted in its first round; this is far beyond. */
const MOST_STEPS = 2000;

interface Outcome {
  /** Steps of a hub that lived to the end; undefined: it killed itself. */
  steps: number | undefined;
  ledger: Ledger;
}

/** Plays against a hub that dies at step `killAt`; 0: never. */
async function play(dataDir: string, killAt: number, work: typeof oneByOne): Promise<Outcome> {
  const child = spawn(process.execPath, [SERVE, dataDir, String(killAt)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ledger = new Ledger();
  try {
    const first = await lines.next();
    if (!first.done) {
      const { endpoint, token } = JSON.parse(first.value) as { endpoint: string; token: string };
      // A dead hub is no failure of the test; anything else shows in what is checked after it.
      await work({ hubUrl: endpoint, accessToken: token }, ledger).catch((error: unknown) => {
        if (killAt === 0) throw error;
      });
      child.kill('SIGTERM');
      const last = await lines.next();
      if (!last.done) {
        await exit;
        return { steps: (JSON.parse(last.value) as { steps: number }).steps, ledger };
      }
    }
    expect(await exit).toEqual([null, 'SIGKILL']);
    return { steps: undefined, ledger };
  } finally {
    child.kill('SIGKILL');
    await exit;
  }
}

/** After a crash: nothing damaged, everything acknowledged is there, and it goes on; rubbish can be removed. */
async function examine(dataDir: string, ledger: Ledger): Promise<void> {
  // It may have died before it had made its folder.
  const first = await checkHub({ dataDir }).catch((error: { code?: string }) => {
    if (error.code === 'HUB_DATA_MISSING') return undefined;
    throw error;
  });
  expect(first?.problems ?? []).toEqual([]);
  const restarted = async (look: (access: Access) => Promise<void>) => {
    const hub = await startHub({ dataDir });
    try {
      const accessToken = await hub.createToken({ namespace: 'alice', role: 'write' });
      await look({ hubUrl: hub.endpoint, accessToken });
    } finally {
      await hub.close();
    }
  };
  await restarted((access) => ledger.verify(access));
  expect((await checkHub({ dataDir, repair: true, olderThanMs: 0 })).problems).toEqual([]);
  expect((await checkHub({ dataDir, repair: true, olderThanMs: 0 })).problems).toEqual([]);
  await restarted(async (access) => {
    await ledger.verify(access);
    const after = new Ledger();
    await after.createRepo(access, 'alice/after');
    await after.commit(access, 'alice/after', 'main', new Map([['small.bin', bytesOf('s', 5000)]]));
    await after.verify(access);
  });
  expect(await checkHub({ dataDir })).toMatchObject({ problems: [], orphans: [] });
}

describe('a hub killed by SIGKILL before a change to its file system', () => {
  it.each([
    ['one request after the other', oneByOne],
    ['many requests at once', atOnce],
  ] as const)(
    '%s: nothing is damaged and nothing acknowledged is lost',
    { timeout: DEADLINE_MS },
    async (_name, work) => {
      let killed = 0;
      let last = MOST_STEPS;
      // The first round lives and counts; where requests run side by side a later one may take a few steps more or less.
      for (let killAt = 0; killAt <= last; killAt += killAt === 0 ? 1 : STRIDE) {
        const dataDir = await mkdtemp(join(tmpdir(), 'hub-crash-'));
        try {
          const { steps, ledger } = await play(join(dataDir, 'hub'), killAt, work);
          if (killAt === 0) {
            last = steps ?? 0;
            expect(last).toBeGreaterThan(50);
            expect(ledger.commits.length).toBeGreaterThan(3);
          }
          if (steps === undefined) killed += 1;
          await examine(join(dataDir, 'hub'), ledger);
        } catch (error) {
          throw new Error(`killed at step ${killAt} of ${last}: ${(error as Error).message}`, { cause: error });
        } finally {
          await rm(dataDir, { recursive: true, force: true });
        }
      }
      expect(killed).toBeGreaterThan((last / STRIDE) * 0.8);
    },
  );
});
