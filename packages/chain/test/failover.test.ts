import { setMaxListeners } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { noticedWithinMs, SILENCE_MS } from '../src/head-watchdog.ts';
import { type Chain, type ConnectOptions, connectChain } from '../src/index.ts';
import { PING_INTERVAL_MS } from '../src/rpc-socket.ts';
import { captureLog } from './captured-log.ts';
import { startTestSubnet, type TestSubnet } from './devnet.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

let subnet: TestSubnet;
let proxies: FaultProxy[];
let [one, two, three] = [] as unknown as [FaultProxy, FaultProxy, FaultProxy];
beforeAll(async () => {
  subnet = await startTestSubnet();
  proxies = await Promise.all([1, 2, 3].map(() => startFaultProxy(subnet.node.endpoint)));
  [one, two, three] = proxies as [FaultProxy, FaultProxy, FaultProxy];
}, 60_000);
afterAll(async () => {
  await Promise.all(proxies?.map((proxy) => proxy.close()) ?? []);
  await subnet?.close();
});
const open: Chain[] = [];
afterEach(async () => {
  for (const chain of open.splice(0)) await chain.close();
  for (const proxy of proxies) proxy.heal();
});

async function connect(endpoints: string[], options: Partial<ConnectOptions> = {}) {
  const log = captureLog();
  const chain = await connectChain({ endpoints, logger: log.logger, ...options });
  open.push(chain);
  return {
    chain,
    lines: log.lines,
    faults: () => log.lines.map(({ context }) => (context as { fault?: string }).fault),
  };
}

const isHead = (message: { method?: string }) => message.method === 'chain_finalizedHead';

it('notices a dead socket and a silent subscription within 30 s, as it is delivered', () => {
  expect(noticedWithinMs(SILENCE_MS)).toBeLessThanOrEqual(30_000);
  // The third ping in a row without an answer.
  expect(3 * PING_INTERVAL_MS).toBeLessThanOrEqual(30_000);
});

it('goes to the next endpoint when the first is dead, or accepts and says nothing', async () => {
  const { chain } = await connect(['ws://127.0.0.1:1', two.endpoint]);
  expect(await chain.subnetExists(subnet.netuid)).toBe(true);
  one.frozen = true;
  const started = Date.now();
  const { chain: other } = await connect([one.endpoint, two.endpoint], { connectTimeoutMs: 2_000 });
  expect(Date.now() - started).toBeLessThan(3_000);
  expect(await other.subnetExists(subnet.netuid)).toBe(true);
});

it('keeps the order of the endpoints, and goes back to a preferred one that works again', async () => {
  one.refusing = true;
  const { chain } = await connect([one.endpoint, two.endpoint, three.endpoint], { returnMs: 400 });
  expect([one.open, two.open, three.open]).toEqual([0, 1, 0]);
  two.refusing = true;
  two.cut();
  await expect.poll(() => three.open, { timeout: 5_000 }).toBe(1);
  two.refusing = false;
  await expect.poll(() => [one.open, two.open, three.open], { timeout: 5_000 }).toEqual([0, 1, 0]);
  one.refusing = false;
  await expect.poll(() => [one.open, two.open, three.open], { timeout: 5_000 }).toEqual([1, 0, 0]);
  expect(await chain.subnetExists(subnet.netuid)).toBe(true);
  await chain.waitForBlock(chain.head.number + 3, { ms: 30_000 });
});

it.each([
  [
    'a half-open socket',
    () => {
      one.frozen = true;
    },
  ],
  [
    'a subscription that has gone silent',
    () => {
      one.toClient = (message) => (isHead(message) ? 'drop' : 'pass');
    },
  ],
  [
    'answers that come too late',
    () => {
      one.toClient = () => ({ delayMs: 3_000 });
    },
  ],
])('notices %s in time, and misses no block and no commitment', async (_name, fail) => {
  const silenceMs = 800;
  const { netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  const { chain, faults } = await connect([one.endpoint, two.endpoint], { silenceMs });
  const end = new AbortController();
  const numbers: number[] = [];
  const texts: string[] = [];
  const from = chain.head.number;
  const watching = chain.watchCommitments({
    netuid,
    fromBlock: from,
    signal: end.signal,
    onBlock: async (block, commitments) => {
      numbers.push(block.number);
      texts.push(...commitments.flatMap(({ fields }) => fields));
      if (texts.at(-1) === 'after') end.abort();
    },
  });
  fail();
  const failed = Date.now();
  const moved = expect.poll(() => two.open, { timeout: 10_000, interval: 10 }).toBe(1);
  await subnet.chain.commit({ netuid, hotkey, fields: ['meanwhile'] });
  await moved;
  // What the machine's load adds to a timer.
  expect(Date.now() - failed).toBeLessThan(noticedWithinMs(silenceMs) + 1_000);
  await subnet.chain.commit({ netuid, hotkey, fields: ['after'] });
  await watching;
  expect(texts).toEqual(['meanwhile', 'after']);
  expect(numbers).toEqual(numbers.map((_, at) => from + at));
  expect(faults()).toContain('CHAIN_SILENT');
});

it('leaves an endpoint whose chain stands still, by the age of its head', async () => {
  const { chain, faults } = await connect([one.endpoint, two.endpoint], { silenceMs: 300, headTimeoutMs: 1_200 });
  const stale = { result: chain.head.hash };
  one.toClient = (message, method) => {
    if (isHead(message)) return 'drop';
    return method === 'chain_getFinalizedHead' ? { replace: stale } : 'pass';
  };
  const { number } = chain.head;
  await chain.waitForBlock(number + 10, { ms: 10_000 });
  expect(two.open).toBe(1);
  expect(faults()).toContain('CHAIN_STALE');
});

it('takes no endpoint that is behind what was seen before', async () => {
  const { chain } = await connect([one.endpoint, two.endpoint, three.endpoint], { connectTimeoutMs: 1_000 });
  let old: unknown;
  two.toClient = (message) => {
    if (!isHead(message)) return 'pass';
    // Its first head for ever: a node that has lost its peers.
    old ??= (message.params as { result: unknown }).result;
    return { replace: { params: { ...(message.params as object), result: old } } };
  };
  const { chain: second } = await connect([two.endpoint]);
  await chain.waitForBlock(second.head.number + 5, { ms: 30_000 });
  await second.close();
  one.refusing = true;
  one.cut();
  await expect.poll(() => three.open, { timeout: 8_000 }).toBe(1);
  // It may have been tried, and be about to hear that it is left.
  await expect.poll(() => two.open).toBe(0);
  await chain.waitForBlock(chain.head.number + 3, { ms: 30_000 });
  expect([one, two, three].map(({ open }) => open)).toEqual([0, 0, 1]);
});

it('ends every call at its deadline, or when its caller has gone, on an endpoint that swallows all', async () => {
  const { netuid, owner } = subnet;
  const { chain } = await connect([one.endpoint], { callTimeoutMs: 300, silenceMs: 60_000 });
  const { address } = owner;
  one.toNode = () => 'drop';
  const started = Date.now();
  const reads = {
    subnetExists: () => chain.subnetExists(netuid),
    metagraph: () => chain.metagraph(netuid),
    hyperparameters: () => chain.hyperparameters(netuid),
    uidOf: () => chain.uidOf(netuid, address),
    balance: () => chain.balance(address),
    burn: () => chain.burn(netuid),
    commitment: () => chain.commitment(netuid, address),
    commitments: () => chain.commitments(netuid),
    epochs: () => chain.epochs(netuid),
    weights: () => chain.weights(netuid, 0),
    weightCommits: () => chain.weightCommits(netuid, address),
    lastUpdate: () => chain.lastUpdate(netuid, 0),
    blockHash: () => chain.blockHash(1),
  };
  await Promise.all(
    Object.entries(reads).map(([name, read]) =>
      expect(read(), name).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', name: 'TransientError' }),
    ),
  );
  expect(Date.now() - started).toBeLessThan(2_000);
  const abort = new AbortController();
  const { signal } = abort;
  setMaxListeners(0, signal);
  const stopped = [
    chain.subnetExists(netuid, { signal }),
    chain.metagraph(netuid, { signal }),
    chain.hyperparameters(netuid, { signal }),
    chain.uidOf(netuid, address, { signal }),
    chain.balance(address, { signal }),
    chain.burn(netuid, { signal }),
    chain.commitment(netuid, address, { signal }),
    chain.commitments(netuid, { signal }),
    chain.epochs(netuid, { signal }),
    chain.weights(netuid, 0, { signal }),
    chain.weightCommits(netuid, address, { signal }),
    chain.lastUpdate(netuid, 0, { signal }),
    chain.blockHash(1, { signal }),
    chain.waitForBlock(1_000_000, { signal }),
    chain.transfer({ from: owner, to: address, amount: 1n }, { signal }),
  ];
  abort.abort(new Error('stopped'));
  for (const call of stopped) await expect(call).rejects.toThrow('stopped');
});
