import { type Logger, silentLogger } from '@tuning/kit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Chain, type ConnectOptions, connectChain } from '../src/index.ts';
import { startTestSubnet, type TestSubnet } from './devnet.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let subnet: TestSubnet;
let proxy: TcpProxy;
beforeAll(async () => {
  subnet = await startTestSubnet();
  proxy = await startTcpProxy(subnet.node.endpoint);
}, 60_000);
afterAll(async () => {
  await proxy?.close();
  await subnet?.close();
});

async function through<T>(work: (chain: Chain) => Promise<T>, options: Partial<ConnectOptions> = {}): Promise<T> {
  const chain = await connectChain({ endpoints: [proxy.endpoint], ...options });
  try {
    return await work(chain);
  } finally {
    proxy.stalled = false;
    proxy.refusing = false;
    await chain.close();
  }
}

it('misses no block and repeats none when connections are cut while watching', async () => {
  const { netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  await through(async (chain) => {
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
        for (const one of commitments) texts.push(...one.fields);
        if (texts.at(-1) === 'last') end.abort();
      },
    });
    for (const text of ['one', 'two', 'three', 'last']) {
      proxy.cut();
      // Written through the direct connection, while the watcher has none.
      await subnet.chain.commit({ netuid, hotkey, fields: [text] });
    }
    await watching;
    expect(texts).toEqual(['one', 'two', 'three', 'last']);
    expect(numbers).toEqual(numbers.map((_, at) => from + at));
  });
});

it('answers a read that was cut off over the next connection', async () => {
  await through(async (chain) => {
    proxy.stalled = true;
    const reading = chain.metagraph(subnet.netuid);
    await new Promise((resolve) => setTimeout(resolve, 50));
    proxy.stalled = false;
    proxy.cut();
    expect((await reading).neurons.length).toBeGreaterThan(0);
  });
});

it('finds out what became of a transaction whose connection was cut', async () => {
  const { netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  let lost = 0;
  const logger = {
    ...silentLogger,
    info: (_context: object | string, message?: string) => {
      if (message?.startsWith('lost sight of')) lost++;
    },
  } as Logger;
  await through(
    async (chain) => {
      for (const delay of [0, 5, 10, 20, 40, 80]) {
        await chain.uidOf(netuid, hotkey.address);
        const text = `cut after ${delay}`;
        const committing = chain.commit({ netuid, hotkey, fields: [text] });
        await new Promise((resolve) => setTimeout(resolve, delay));
        proxy.cut();
        const block = await committing;
        expect(await chain.commitment(netuid, hotkey.address, { at: block.hash })).toEqual({
          block: block.number,
          fields: [text],
        });
      }
    },
    { logger },
  );
  expect(lost, 'no cut met a transaction under way').toBeGreaterThan(0);
});

it('ends a read at its deadline when nothing answers', async () => {
  await through(
    async (chain) => {
      proxy.stalled = true;
      const started = Date.now();
      await expect(chain.metagraph(subnet.netuid)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(Date.now() - started).toBeLessThan(1_500);
      const hotkey = subnet.owner;
      const sending = chain.commit({ netuid: subnet.netuid, hotkey, fields: ['x'] }, { deadlineMs: 300 });
      await expect(sending).rejects.toMatchObject({ name: 'TransientError' });
      const abort = new AbortController();
      const stopped = chain.commit({ netuid: subnet.netuid, hotkey, fields: ['x'] }, { signal: abort.signal });
      abort.abort(new Error('stopped'));
      await expect(stopped).rejects.toThrow('stopped');
    },
    { callTimeoutMs: 400 },
  );
});

it('leaves a half-open connection by the age of the head', async () => {
  await through(
    async (chain) => {
      const before = proxy.accepted;
      const { number } = chain.head;
      proxy.stalled = true;
      setTimeout(() => {
        proxy.stalled = false;
      }, 1_800);
      await chain.waitForBlock(number + 30, { ms: 25_000 });
      expect(proxy.accepted).toBeGreaterThan(before);
    },
    { headTimeoutMs: 1_000, connectTimeoutMs: 2_000 },
  );
}, 60_000);

it('rejects what waits when it is closed, and connects to the next endpoint when one is down', async () => {
  const chain = await connectChain({ endpoints: ['ws://127.0.0.1:1', proxy.endpoint] });
  proxy.refusing = true;
  proxy.cut();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const waiting = chain.metagraph(subnet.netuid);
  const block = chain.waitForBlock(1_000_000);
  const watching = chain.watchCommitments({
    netuid: subnet.netuid,
    fromBlock: 1_000_000,
    onBlock: async () => {},
    signal: new AbortController().signal,
  });
  await chain.close();
  await expect(waiting).rejects.toMatchObject({ code: 'CHAIN_CLOSED' });
  await expect(block).rejects.toMatchObject({ code: 'CHAIN_CLOSED' });
  await watching;
  proxy.refusing = false;
});
