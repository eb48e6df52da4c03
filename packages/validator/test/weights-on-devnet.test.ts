import { join } from 'node:path';
import type { Chain } from '@tuning/chain';
import { MetagraphView } from '@tuning/neuron';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestSubnet, type TestSubnet } from '../../chain/test/devnet.ts';
import { connect } from '../../devnet/test/client.ts';
import { RevealBook } from '../src/reveal-book.ts';
import { WeightSetter } from '../src/weight-setter.ts';
import { WeightWatch } from '../src/weight-watch.ts';
import { type LogLine, recordingLogger } from './recording-logger.ts';
import { insertTask, openTempStore } from './temp-store.ts';

const taskId = 'a'.repeat(16);

let subnet: TestSubnet;
let opened: Awaited<ReturnType<typeof openTempStore>>;
let stops: (() => Promise<void>)[];
let lines: LogLine[];

beforeEach(async () => {
  opened = await openTempStore();
  stops = [];
  lines = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await subnet?.close();
  await opened.remove();
});

/** One life of the weight setter with the real store and files. */
function live(chain: Chain = subnet.chain): () => Promise<void> {
  const end = new AbortController();
  const { logger, lines: kept } = recordingLogger();
  lines = kept;
  const { netuid, owner: hotkey } = subnet;
  const setter = new WeightSetter({
    chain,
    netuid,
    hotkey,
    metagraph: new MetagraphView(chain, netuid, logger),
    store: opened.store,
    reveals: new RevealBook(join(opened.folder, 'reveals.json'), logger),
    watch: new WeightWatch(join(opened.folder, 'watch.json'), logger),
    logger,
    signal: end.signal,
  });
  const ended = setter.run();
  const stop = async () => {
    end.abort(new Error('stopped'));
    await ended;
  };
  stops.push(stop);
  return stop;
}

function scored(...hotkeys: string[]): void {
  insertTask(opened.store, taskId, 'weighing');
  const rows = hotkeys.map((hotkey, at) => ({ hotkey, score: 1 / (at + 1), work: 1 }));
  opened.store.scores.put(taskId, subnet.chain.head.number, rows);
}

const logged = (text: string) => lines.find(({ message }) => message.includes(text));
const until = (text: string) => expect.poll(() => logged(text), { timeout: 30_000, interval: 50 }).toBeDefined();

it('timelocked weights are seen to appear when the beacon works', async () => {
  subnet = await startTestSubnet({ commitReveal: true, beacon: true, tempo: 40 });
  const { chain, netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  scored(hotkey.address);
  live();
  await until('weights are committed');
  await until('revealed and on the chain');
  expect(await chain.weights(netuid, 0)).toEqual([{ uid: 1, value: 65_535 }]);
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
}, 60_000);

it('they are set again, with the reason told, when the beacon withholds its pulse; a restart forgets nothing', async () => {
  // No beacon: nobody brings the chain the pulses of quicknet. So long that no epoch starts by itself.
  subnet = await startTestSubnet({ commitReveal: true, tempo: 300, weightsRateLimit: 5 });
  const { chain, netuid, node, owner } = subnet;
  const hotkey = await subnet.addHotkey();
  scored(hotkey.address);
  const stop = live();
  await until('weights are committed');
  const [commit] = await chain.weightCommits(netuid, owner.address);
  await expect.poll(() => opened.store.tasks.get(taskId)?.state).toBe('done');
  await stop();
  const { until: end } = (logged('weights are committed') as unknown as { reveal: { until: number } }).reveal;
  node.newBlocks(end + 1 - node.blockNumber());
  await chain.waitForBlock(end, { ms: 20_000 });
  live();
  await until('weights are set again');
  const { code, message } = logged('weights are set again')!;
  expect(code).toBe('WEIGHTS_NOT_REVEALED');
  expect(message).toMatch(/no pulse of drand round \d+ by block \d+ \(its newest was 0\)/);
  await until('weights are committed');
  const commits = await chain.weightCommits(netuid, owner.address);
  expect(commits).toHaveLength(1);
  expect(commits[0]!.block).toBeGreaterThan(commit!.block);
  expect(await chain.weights(netuid, 0)).toEqual([]);
  await expect.poll(() => opened.store.weightSets.latest(netuid)?.block).toBe(commits[0]!.block);
}, 60_000);

it('a neuron that is replaced between scoring and setting gets nothing, and nor does who took its uid', async () => {
  subnet = await startTestSubnet({ tempo: 300 });
  const { chain, netuid, node } = subnet;
  const [first, second] = [await subnet.addHotkey(), await subnet.addHotkey()];
  const admin = await connect(node.endpoint);
  try {
    const { adminUtils } = admin.api.tx;
    for (const [call, value] of [
      ['sudoSetMinAllowedUids', 1],
      ['sudoSetMinNonImmuneUids', 0],
      ['sudoSetImmunityPeriod', 1],
      ['sudoSetMaxAllowedUids', 3],
    ] as const) {
      expect(await admin.sudo(adminUtils![call]!(netuid, value)), call).not.toHaveProperty('error');
    }
  } finally {
    await admin.close();
  }
  scored(first.address, second.address);
  // The metagraph still shows the first; it is replaced before the weights are set.
  let newcomer: string | undefined;
  const late = new Proxy(chain, {
    get: (target, name) => {
      if (name === 'metagraph' && newcomer === undefined) {
        return async (id: number) => {
          const before = await target.metagraph(id);
          newcomer = (await subnet.addHotkey()).address;
          return before;
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  live(late);
  await until('weights are on the chain');
  expect(await chain.uidOf(netuid, newcomer!)).toBe(1);
  expect(await chain.uidOf(netuid, first.address)).toBeUndefined();
  expect(await chain.weights(netuid, 0)).toEqual([{ uid: 2, value: 65_535 }]);
}, 60_000);
