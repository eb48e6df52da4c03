import type { Signer } from '@tuning/kit';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Chain, type ConnectOptions, connectChain } from '../src/index.ts';
import { captureLog } from './captured-log.ts';
import { newSigner, ONE_TAO, startTestSubnet, type TestSubnet } from './devnet.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';

let subnet: TestSubnet;
let proxy: FaultProxy;
let rich: Signer[];
beforeAll(async () => {
  subnet = await startTestSubnet();
  proxy = await startFaultProxy(subnet.node.endpoint);
  rich = [newSigner(), newSigner(), newSigner()];
  for (const { address } of rich) {
    await subnet.chain.transfer({ from: subnet.coldkey, to: address, amount: 25n * ONE_TAO });
  }
}, 60_000);
afterAll(async () => {
  await proxy?.close();
  await subnet?.close();
});
let chain: Chain | undefined;
afterEach(async () => {
  await chain?.close();
  proxy.heal();
});

async function connect(options: Partial<ConnectOptions> = {}): Promise<Chain> {
  chain = await connectChain({ endpoints: [proxy.endpoint], ...options });
  return chain;
}

/** How often a rule was met. */
function times(limit: number, then: () => void = () => {}): () => boolean {
  let left = limit;
  return () => {
    if (left-- <= 0) return false;
    then();
    return true;
  };
}

it.each([
  [
    'the node never got it',
    () => {
      const cut = times(2);
      proxy.toNode = ({ method }) => (method === SUBMIT && cut() ? 'cut' : 'pass');
    },
  ],
  [
    'the node got it and the answer was lost',
    () => {
      const cut = times(2);
      proxy.toClient = (_message, method) => (method === SUBMIT && cut() ? 'cut' : 'pass');
    },
  ],
  [
    'the node got it and the connection was cut after its answer',
    () => {
      const cut = times(2);
      proxy.toClient = (_message, method) => (method === SUBMIT && cut() ? 'pass-cut' : 'pass');
    },
  ],
  [
    'the word of its inclusion was lost',
    () => {
      const cut = times(2);
      proxy.toClient = ({ method }) => (method === 'author_extrinsicUpdate' && cut() ? 'cut' : 'pass');
    },
  ],
  [
    'its notifications never come',
    () => {
      proxy.toClient = ({ method }) => (method === 'author_extrinsicUpdate' ? 'drop' : 'pass');
      setTimeout(() => proxy.cut(), 600);
    },
  ],
])(
  'has a transaction exactly once on chain when %s',
  async (_name, fail) => {
    const own = await connect();
    const to = newSigner().address;
    fail();
    const block = await own.transfer({ from: rich[0]!, to, amount: ONE_TAO });
    expect(await own.blockHash(block.number)).toBe(block.hash);
    proxy.heal();
    await subnet.chain.waitForBlock(block.number + 4, { ms: 30_000 });
    expect(await subnet.chain.balance(to)).toBe(ONE_TAO);
  },
  30_000,
);

it('says for certain that a transaction was not included, when its era is over', async () => {
  const own = await connect();
  const to = newSigner().address;
  // The node is said to have it, and never gets it.
  const notes = new Map<number, string>();
  proxy.toNode = ({ id, method }) => {
    if (method !== SUBMIT) return 'pass';
    notes.set(id!, 'taken');
    queueMicrotask(() => void proxy.say(JSON.stringify({ jsonrpc: '2.0', id, result: `lost${id}` })));
    return 'drop';
  };
  const sending = own.transfer({ from: rich[0]!, to, amount: ONE_TAO }).catch((error: unknown) => error);
  await expect.poll(() => notes.size).toBe(1);
  proxy.cut();
  await expect.poll(() => notes.size, { timeout: 5_000 }).toBe(2);
  subnet.node.newBlocks(140);
  proxy.cut();
  expect(await sending).toMatchObject({ name: 'TransientError', code: 'TRANSACTION_NOT_INCLUDED' });
  proxy.heal();
  expect(await subnet.chain.balance(to)).toBe(0n);
  // And what may be sent again can be.
  await own.transfer({ from: rich[0]!, to, amount: ONE_TAO });
  expect(await subnet.chain.balance(to)).toBe(ONE_TAO);
}, 30_000);

it('does not know what became of a transaction when its own time is over', async () => {
  const own = await connect();
  const to = newSigner().address;
  proxy.toClient = (_message, method) => (method === SUBMIT ? 'drop' : 'pass');
  const sending = own.transfer({ from: rich[0]!, to, amount: ONE_TAO }, { deadlineMs: 500 });
  await expect(sending).rejects.toMatchObject({ code: 'TRANSACTION_OUTCOME_UNKNOWN' });
  await expect.poll(() => subnet.chain.balance(to), { timeout: 5_000 }).toBe(ONE_TAO);
});

it('names another transaction that has used the nonce meanwhile', async () => {
  const own = await connect();
  const [from, to] = [rich[0]!, newSigner().address];
  const lose = times(1);
  proxy.toNode = ({ method }) => (method === SUBMIT && lose() ? 'drop' : 'pass');
  const sending = own.transfer({ from, to, amount: 3n }).catch((error: unknown) => error);
  await expect.poll(() => proxy.asked.includes(SUBMIT)).toBe(true);
  await subnet.chain.transfer({ from, to, amount: ONE_TAO });
  proxy.cut();
  expect(await sending).toMatchObject({
    code: 'TRANSACTION_NOT_INCLUDED',
    message: expect.stringContaining('another transaction of the account has used its nonce'),
  });
  expect(await subnet.chain.balance(to)).toBe(ONE_TAO);
}, 30_000);

it('submits side by side from several accounts and from one, with right nonces, while connections are cut', async () => {
  const own = await connect();
  const to = newSigner().address;
  const before = proxy.accepted;
  // Not before a connection has brought something: a slow machine would never get to one.
  let seen = own.head.number;
  const cutting = setInterval(() => {
    if (own.head.number === seen) return;
    seen = own.head.number;
    proxy.cut();
  }, 200);
  try {
    const blocks = await Promise.all(
      rich.flatMap((from) => [1n, 2n, 4n].map((amount) => own.transfer({ from, to, amount: amount * ONE_TAO }))),
    );
    expect(blocks).toHaveLength(9);
    // One account's transactions are in different blocks, in order.
    for (const at of [0, 3, 6]) {
      const numbers = blocks.slice(at, at + 3).map(({ number }) => number);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }
  } finally {
    clearInterval(cutting);
  }
  expect(proxy.accepted).toBeGreaterThan(before);
  expect(await subnet.chain.balance(to)).toBe(21n * ONE_TAO);
}, 60_000);

it('signs mortally: the node is given an era of 128 blocks', async () => {
  const own = await connect();
  let hex = '';
  proxy.toNode = ({ method, params }) => {
    if (method === SUBMIT) [hex] = params as [string];
    return 'pass';
  };
  await own.transfer({ from: rich[1]!, to: newSigner().address, amount: ONE_TAO });
  // Length, version 4 signed, MultiAddress::Id, MultiSignature::Sr25519, then the era.
  const bytes = Buffer.from(hex.slice(2), 'hex');
  const body = bytes.subarray((bytes[0]! & 3) === 0 ? 1 : 2);
  const era = body.readUInt16LE(1 + 1 + 32 + 1 + 64);
  expect(2 << (era & 0xf)).toBe(128);
});

it('goes on over a runtime upgrade: watchers miss nothing, calls and waiting transactions are made anew', async () => {
  const { netuid, node } = subnet;
  const hotkey = await subnet.addHotkey();
  const log = captureLog();
  const own = await connect({ logger: log.logger });
  const before = own.specVersion;
  const end = new AbortController();
  const numbers: number[] = [];
  const texts: string[] = [];
  const from = own.head.number;
  const watching = own.watchCommitments({
    netuid,
    fromBlock: from,
    signal: end.signal,
    onBlock: async (block, commitments) => {
      numbers.push(block.number);
      texts.push(...commitments.flatMap(({ fields }) => fields));
      if (texts.at(-1) === 'after') end.abort();
    },
  });
  await own.commit({ netuid, hotkey, fields: ['before'] });
  // Taken by the pool under the old version, and thrown out of it by the new.
  const to = newSigner().address;
  proxy.toClient = (_message, method) => {
    if (method === SUBMIT) node.upgradeRuntime(before + 1);
    return 'pass';
  };
  const sending = own.transfer({ from: rich[2]!, to, amount: ONE_TAO });
  await expect.poll(() => own.specVersion, { timeout: 5_000 }).toBe(before + 1);
  proxy.heal();
  await sending;
  await own.commit({ netuid, hotkey, fields: ['after'] });
  await watching;
  expect(await own.balance(to)).toBe(ONE_TAO);
  expect(texts).toEqual(['before', 'after']);
  expect(numbers).toEqual(numbers.map((_, at) => from + at));
  expect(log.lines).toContainEqual(
    expect.objectContaining({ message: 'the runtime was upgraded', context: { from: before, to: before + 1 } }),
  );
  // Blocks from before the upgrade are still read as they were then.
  expect((await own.metagraph(netuid, { at: await own.blockHash(from) })).block.number).toBe(from);
  // Nor does the client that was connected directly need a restart.
  await subnet.chain.transfer({ from: rich[2]!, to, amount: ONE_TAO });
  expect(subnet.chain.specVersion).toBe(before + 1);
}, 60_000);
