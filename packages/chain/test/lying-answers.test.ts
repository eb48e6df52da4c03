import { isTuningError } from '@tuning/kit';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Chain, type ConnectOptions, connectChain } from '../src/index.ts';
import { MessageBudget } from '../src/message-budget.ts';
import { guardMessage } from '../src/message-guard.ts';
import { captureLog } from './captured-log.ts';
import { startTestSubnet, type TestSubnet } from './devnet.ts';
import { type FaultProxy, type RpcMessage, startFaultProxy, type Verdict } from './fault-proxy.ts';

type Lie = (message: RpcMessage, method: string | undefined, params: unknown) => Verdict;

/** A real node's answers, rewritten: the liar stands before the honest endpoint. */
let subnet: TestSubnet;
let liar: FaultProxy;
let honest: FaultProxy;
beforeAll(async () => {
  subnet = await startTestSubnet();
  // Clients look at the time of a block some way back; the first ones are left unknown to them.
  subnet.node.newBlocks(40);
  [liar, honest] = await Promise.all([startFaultProxy(subnet.node.endpoint), startFaultProxy(subnet.node.endpoint)]);
}, 60_000);
afterAll(async () => {
  await liar?.close();
  await honest?.close();
  await subnet?.close();
});
const open: Chain[] = [];
afterEach(async () => {
  for (const chain of open.splice(0)) await chain.close();
  liar.heal();
  honest.heal();
});

async function connect(endpoints: string[], options: Partial<ConnectOptions> = {}) {
  const log = captureLog();
  const chain = await connectChain({ endpoints, logger: log.logger, connectTimeoutMs: 4_000, ...options });
  open.push(chain);
  return { chain, faults: () => log.lines.map(({ context }) => (context as { fault?: string }).fault) };
}

const answer = (method: string, result: (message: RpcMessage, params: unknown) => unknown): Lie => {
  return (message, asked, params) => (asked === method ? { replace: { result: result(message, params) } } : 'pass');
};
const isMetadata = (params: unknown) => String((params as unknown[])[0]).startsWith('Metadata_');
const metadata = (change: (hex: string) => unknown): Lie => {
  return (message, asked, params) => {
    const matters = asked === 'state_getMetadata' || (asked === 'state_call' && isMetadata(params));
    return matters ? { replace: { result: change(String(message.result)) } } : 'pass';
  };
};
type Header = { number: string; parentHash: string; stateRoot: string };
const heads = (change: (header: Header) => object): Lie => {
  return (message) => {
    if (message.method !== 'chain_finalizedHead') return 'pass';
    const params = message.params as { result: Header };
    return { replace: { params: { ...params, result: { ...params.result, ...change(params.result) } } } };
  };
};
const random = `0x${'5a'.repeat(32)}`;
const half = (hex: string) => hex.slice(0, 2 * Math.floor(hex.length / 4));

const atConnect: [string, string, Lie][] = [
  ['metadata that ends in the middle', 'CHAIN_NOT_SUBTENSOR', metadata(half)],
  ['metadata of random bytes', 'CHAIN_BAD_METADATA', metadata(() => `0x6d6574610f${'e7'.repeat(5_000)}`)],
  [
    'metadata with a byte turned every hundred',
    'CHAIN_BAD_METADATA',
    metadata((hex) => hex.replaceAll(/(.{200})../g, '$1ff')),
  ],
  ['a finalised head of a block that does not exist', 'CHAIN_HEAD_UNKNOWN', heads(() => ({ stateRoot: random }))],
  ['a finalised head far away', 'CHAIN_HEAD_UNKNOWN', heads(() => ({ number: '0x3b9ac9f', parentHash: random }))],
  ['a head whose number is a word', 'CHAIN_BAD_ANSWER', heads(() => ({ number: 'many' }))],
  ['a head without a digest', 'CHAIN_BAD_ANSWER', heads(() => ({ digest: null }))],
  ['no state at its own head', 'CHAIN_HEAD_UNKNOWN', answer('state_getStorage', () => '0x00000000')],
];

it.each(atConnect)(
  'refuses an endpoint with %s (%s), and takes the next',
  async (_name, code, lie) => {
    liar.toClient = lie;
    const started = Date.now();
    const error = await connect([liar.endpoint]).catch((reason: unknown) => reason);
    const named =
      code === 'CHAIN_NOT_SUBTENSOR' ? { code } : { code: 'CHAIN_UNREACHABLE', details: { faults: [code] } };
    expect(error).toMatchObject(named);
    expect(Date.now() - started).toBeLessThan(6_000);
    const { chain } = await connect([liar.endpoint, honest.endpoint]);
    expect(await chain.subnetExists(subnet.netuid)).toBe(true);
    expect([liar.open, honest.open]).toEqual([0, 1]);
  },
  20_000,
);

it('takes no endpoint of another chain, neither at first nor later', async () => {
  const { genesisHash } = subnet.chain;
  const other: Lie = (message, method, params) =>
    method === 'chain_getBlockHash' && (params as unknown[])[0] === 0
      ? { replace: { ...message, result: random } }
      : 'pass';
  liar.toClient = other;
  await expect(connect([liar.endpoint], { genesisHash })).rejects.toMatchObject({
    name: 'OperatorError',
    code: 'CHAIN_OTHER_CHAIN',
  });
  const { chain } = await connect([liar.endpoint, honest.endpoint], { genesisHash });
  expect(chain.genesisHash).toBe(genesisHash);
  // Without a pin the first good endpoint says what the chain is, for all that come later.
  const { chain: unpinned, faults } = await connect([honest.endpoint, liar.endpoint]);
  honest.cut();
  await expect.poll(() => faults().includes('CHAIN_DISCONNECTED'), { timeout: 5_000 }).toBe(true);
  await expect.poll(() => faults().includes('CHAIN_OTHER_CHAIN'), { timeout: 5_000 }).toBe(true);
  expect(await unpinned.subnetExists(subnet.netuid)).toBe(true);
}, 20_000);

let turned = 0;
const afterwards: [string, string, Lie][] = [
  ['sends its finalised head back', 'CHAIN_HEAD_WENT_BACK', heads((header) => (turned++ > 2 ? old : header))],
  [
    'tells of another block at a height that is known',
    'CHAIN_HEAD_WENT_BACK',
    heads((header) => (turned++ > 2 ? { ...seen, stateRoot: random } : keep(header))),
  ],
  ['invents the next block', 'CHAIN_HEAD_UNKNOWN', heads((header) => (turned++ > 2 ? { stateRoot: random } : header))],
  ['leaves the finalised chain', 'CHAIN_FORKED', heads((header) => (turned++ > 2 ? { parentHash: random } : header))],
  [
    'answers the metagraph with half of its bytes',
    'CHAIN_BAD_ANSWER',
    answer('state_queryStorageAt', ({ result }) => {
      const [{ block, changes }] = result as [{ block: string; changes: [string, string | null][] }];
      return [{ block, changes: changes.map(([key, value]) => [key, value && half(value)]) }];
    }),
  ],
  ['answers storage by numbers', 'CHAIN_BAD_ANSWER', answer('state_queryStorageAt', () => 17)],
  ['answers storage by nothing at all', 'CHAIN_BAD_ANSWER', answer('state_queryStorageAt', () => [])],
];
let old: object = {};
let seen: object = {};
const keep = (header: Header) => {
  seen = header;
  return header;
};

it.each(afterwards)(
  'leaves an endpoint that %s later (%s)',
  async (_name, code, lie) => {
    turned = 0;
    const { chain, faults } = await connect([liar.endpoint, honest.endpoint]);
    old = { ...(await header(1)) };
    liar.toClient = lie;
    const { number } = chain.head;
    expect((await chain.metagraph(subnet.netuid)).neurons.length).toBeGreaterThan(0);
    await expect.poll(() => honest.open, { timeout: 8_000 }).toBe(1);
    await chain.waitForBlock(number + 5, { ms: 8_000 });
    expect(faults()).toContain(code);
    expect((await chain.metagraph(subnet.netuid)).neurons.length).toBeGreaterThan(0);
  },
  20_000,
);

async function header(number: number): Promise<object> {
  const hash = await subnet.chain.blockHash(number);
  let found: object = {};
  honest.toClient = (message, method) => {
    if (method === 'chain_getHeader' && message.result) found = message.result as object;
    return 'pass';
  };
  const { chain } = await connect([honest.endpoint]);
  expect(await chain.blockHash(number)).toBe(hash);
  await chain.close();
  honest.heal();
  return found;
}

it.each([
  [
    'a header that does not have the hash',
    answer('chain_getHeader', ({ result }) => ({ ...(result as object), stateRoot: random })),
  ],
  [
    'the hash of another block',
    answer('chain_getBlockHash', (_message, params) =>
      Number((params as number[])[0]) === 1 ? subnet.chain.genesisHash : random,
    ),
  ],
])(
  'does not believe %s',
  async (_name, lie) => {
    const { chain: alone } = await connect([liar.endpoint]);
    const { chain, faults } = await connect([liar.endpoint, honest.endpoint]);
    liar.toClient = (message, method, params) =>
      method === 'chain_getBlockHash' && ![1, 2].includes((params as number[])[0]!)
        ? 'pass'
        : lie(message, method, params);
    expect(await chain.blockHash(2)).toBe(await subnet.chain.blockHash(2));
    expect(faults()).toContain('CHAIN_HASH_MISMATCH');
    await expect(alone.blockHash(1)).rejects.toMatchObject({ code: 'CHAIN_HASH_MISMATCH' });
  },
  20_000,
);

it('misses no commitment while the events it is given cannot be read', async () => {
  const { netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  const { chain } = await connect([liar.endpoint, honest.endpoint]);
  const events = '0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7';
  liar.toClient = (message, method, params) => {
    const asked = JSON.stringify(params ?? '').includes(events);
    return method !== undefined && asked ? { replace: { ...message, result: '0xffffffff' } } : 'pass';
  };
  const end = new AbortController();
  const texts: string[] = [];
  const watching = chain.watchCommitments({
    netuid,
    fromBlock: chain.head.number,
    signal: end.signal,
    onBlock: async (_block, commitments) => {
      texts.push(...commitments.flatMap(({ fields }) => fields));
      if (texts.length === 2) end.abort();
    },
  });
  for (const text of ['one', 'two']) await subnet.chain.commit({ netuid, hotkey, fields: [text] });
  await watching;
  expect(texts).toEqual(['one', 'two']);
}, 20_000);

/** A small generator, so that a failure names the seed that makes it again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

it('gives only named errors, whatever bytes of an answer are turned', async () => {
  const { netuid, owner } = subnet;
  for (let seed = 1; seed <= 8; seed++) {
    const next = randomFrom(seed);
    liar.heal();
    const { chain } = await connect([liar.endpoint], { callTimeoutMs: 1_500, silenceMs: 60_000 });
    liar.toClient = (message, method) => {
      if (message.result === undefined || method === undefined || next() < 0.5) return 'pass';
      const text = JSON.stringify(message.result).replaceAll(/0x[0-9a-f]{2,}/g, (hex) => {
        const at = 2 + Math.floor(next() * (hex.length - 2));
        return next() < 0.5
          ? hex.slice(0, at)
          : `${hex.slice(0, at)}${Math.floor(next() * 16).toString(16)}${hex.slice(at + 1)}`;
      });
      return { replace: { ...message, result: JSON.parse(text) } };
    };
    const results = await Promise.allSettled([
      chain.metagraph(netuid),
      chain.hyperparameters(netuid),
      chain.balance(owner.address),
      chain.commitments(netuid),
      chain.epochs(netuid),
      chain.weights(netuid, 0),
      chain.blockHash(seed + 5),
    ]);
    for (const result of results) {
      if (result.status === 'rejected')
        expect(isTuningError(result.reason), `seed ${seed}: ${result.reason}`).toBe(true);
    }
    await chain.close();
  }
}, 60_000);

it('lets a burst through and ends a flood', () => {
  const budget = new MessageBudget(0);
  for (let message = 0; message < 10_000; message++) budget.take(1_000, 0);
  // A day of a fast chain.
  let refused = 0;
  for (let second = 1; second < 86_400; second++) if (!budget.take(1_000, second * 1_000)) refused++;
  expect(refused).toBe(0);
  let taken = 0;
  while (budget.take(1_000, 86_400_000)) taken++;
  expect(taken).toBeLessThanOrEqual(20_000);
  expect(new MessageBudget(0).take(33 * 1024 * 1024, 0)).toBe(false);
});

it('reads over what stands in strings when it measures a message', () => {
  const deep = '['.repeat(100);
  expect(() => guardMessage(Buffer.from(JSON.stringify({ result: `${deep}\\"${deep}` })))).not.toThrow();
  expect(() =>
    guardMessage(Buffer.from(JSON.stringify({ result: '\\', deep: JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`) }))),
  ).not.toThrow();
  expect(() => guardMessage(Buffer.from(deep))).toThrow(/nested/);
  expect(() => guardMessage(Buffer.from(`["${'a\\"'.repeat(9)}",${deep}`))).toThrow(/nested/);
  expect(() => guardMessage(Buffer.from('"never ends'))).not.toThrow();
});
