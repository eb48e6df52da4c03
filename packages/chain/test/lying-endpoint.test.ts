import { OperatorError } from '@tuning/kit';
import { afterEach, expect, it } from 'vitest';
import { connectChain } from '../src/index.ts';
import { MAX_MESSAGE_BYTES } from '../src/message-guard.ts';
import { type FakeLyingEndpoint, frame, frameHead, startFakeLyingEndpoint, type Wire } from './fake-lying-endpoint.ts';

let endpoint: FakeLyingEndpoint | undefined;
afterEach(async () => {
  await endpoint?.close();
  endpoint = undefined;
});

const MIB = 1024 * 1024;
/** What sockets hold on both sides of a connection, on top of what is read. */
const IN_FLIGHT = 8 * MIB;
const CONNECT_MS = 2_500;
/** A busy machine takes its time to send the 32 MiB that make a flood. */
const FLOOD_MS = 12_000;

/** Connects to nothing but the liar; gives the fault, the time taken and the growth of this process meanwhile. */
async function meet(
  lie: (wire: Wire, request: { id: number; method: string }) => Promise<unknown>,
  connectTimeoutMs = CONNECT_MS,
) {
  endpoint = await startFakeLyingEndpoint(lie);
  const start = process.memoryUsage().rss;
  let peak = start;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const started = Date.now();
  const error = await connectChain({ endpoints: [endpoint.endpoint], connectTimeoutMs }).catch((e) => e);
  clearInterval(sampling);
  expect(error).toBeInstanceOf(OperatorError);
  return {
    error: error as OperatorError,
    fault: (error as OperatorError).details['faults'],
    ms: Date.now() - started,
    grown: peak - start,
  };
}

const bounds = ({ ms, grown }: { ms: number; grown: number }, connectMs = CONNECT_MS) => {
  expect(ms).toBeLessThan(connectMs + 3_000);
  // Some messages of the largest size, each with the copies that its reading takes; never what was sent.
  expect(grown).toBeLessThan(400 * MIB);
};

it('takes no message of too many parts', async () => {
  const one = frame(Buffer.of(0x31), { first: true, more: true });
  const many = Buffer.concat(Array.from({ length: 5_000 }, () => frame(Buffer.of(0x31), { first: false, more: true })));
  const met = await meet(async (wire) => {
    if (!(await wire.bytes(one))) return;
    while (await wire.bytes(many));
  });
  expect(met.fault).toEqual(['CHAIN_MESSAGE_TOO_LARGE']);
  bounds(met);
});

it('takes no message above its bound, announced or piecemeal: 200 MB are never read', async () => {
  const chunk = Buffer.alloc(64 * 1024, '1');
  let connections = 0;
  const announced = await meet(async (wire) => {
    connections++;
    await wire.bytes(frameHead(200 * MIB));
    for (let sent = 0; sent < 200 * MIB; sent += chunk.length) if (!(await wire.bytes(chunk))) return;
  });
  expect(announced.fault).toEqual(['CHAIN_MESSAGE_TOO_LARGE']);
  expect(announced.error.message).toMatch(/more than 33554432 bytes/);
  bounds(announced);
  expect(endpoint!.written).toBeLessThan(connections * IN_FLIGHT);
  await endpoint!.close();
  let asked = 0;
  const fragments = await meet(async (wire) => {
    asked++;
    const one = frame(chunk, { first: true, more: true });
    const next = frame(chunk, { first: false, more: true });
    if (!(await wire.bytes(one))) return;
    while (await wire.bytes(next));
  });
  expect(fragments.fault).toEqual(['CHAIN_MESSAGE_TOO_LARGE']);
  bounds(fragments);
  expect(endpoint!.written).toBeLessThan(asked * (MAX_MESSAGE_BYTES + IN_FLIGHT));
}, 30_000);

it.each([
  ['arrays in arrays', () => '['],
  ['objects in objects', () => '{"a":'],
  ['values without end', () => '0,'],
])(
  'parses no message of 30 MB of %s',
  async (_name, part) => {
    const chunk = Buffer.from(part().repeat(Math.ceil(65_536 / part().length)));
    const met = await meet(async (wire, { id }) => {
      const head = Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":[`);
      if (!(await wire.bytes(frame(head, { first: true, more: true })))) return;
      for (let sent = 0; sent < 30 * MIB; sent += chunk.length) {
        if (!(await wire.bytes(frame(chunk, { first: false, more: true })))) return;
      }
      await wire.bytes(frame(Buffer.from(']}'), { first: false }));
    });
    expect(met.fault).toEqual(['CHAIN_MESSAGE_TOO_LARGE']);
    expect(met.error.message).toMatch(/nested|values/);
    bounds(met);
  },
  30_000,
);

it.each([
  [
    'answers to questions never asked',
    (n: number) => JSON.stringify({ jsonrpc: '2.0', id: 1e9 + n, result: 'x'.repeat(200) }),
  ],
  [
    'notifications of one subscription',
    () => JSON.stringify({ jsonrpc: '2.0', method: 'x', params: { subscription: 's', result: {} } }),
  ],
  [
    'notifications of ever other subscriptions',
    (n: number) =>
      JSON.stringify({ jsonrpc: '2.0', method: 'x', params: { subscription: `s${n}`, result: 'y'.repeat(1000) } }),
  ],
  [
    'large notifications',
    () => JSON.stringify({ jsonrpc: '2.0', method: 'x', params: { subscription: 's', result: 'z'.repeat(MIB) } }),
  ],
  ['messages about nothing', () => '{}'],
])(
  'ends a flood of %s',
  async (_name, message) => {
    const met = await meet(async (wire) => {
      for (let n = 0; !wire.gone; ) {
        const burst: Buffer[] = [];
        for (let size = 0; size < 64 * 1024; n++) {
          const one = frame(Buffer.from(message(n)));
          burst.push(one);
          size += one.length;
        }
        await wire.bytes(Buffer.concat(burst));
      }
    }, FLOOD_MS);
    expect(met.fault, met.error.message).toEqual(['CHAIN_FLOODED']);
    bounds(met, FLOOD_MS);
  },
  30_000,
);

it.each([
  ['noise', 'hello'],
  ['a number', '17'],
  ['a list', '[]'],
  ['an id of another type', '{"id":{},"result":1}'],
  ['an error of another shape', '{"id":1,"error":"no"}'],
  ['a cut message', '{"jsonrpc":"2.0","id":1,"result":"0x'],
  ['nothing', ''],
])('is done at once with an endpoint that answers %s', async (_name, message) => {
  const met = await meet((wire) => wire.text(message));
  expect(met.fault).toEqual(['CHAIN_NOT_JSON_RPC']);
  bounds(met);
});

it.each([
  ['a number', 5],
  ['an object', { a: 1 }],
  ['null', null],
  ['no hex', '0xzz'],
  ['many zeros', `0x${'00'.repeat(MIB)}`],
  ['a metadata magic and then ever more', `0x6d6574610e${'ff'.repeat(100_000)}`],
])('is done with an endpoint that answers every question by %s', async (_name, result) => {
  const met = await meet((wire, { id }) => wire.text(JSON.stringify({ jsonrpc: '2.0', id, result })));
  expect(['CHAIN_BAD_METADATA', 'CHAIN_NOT_SUBTENSOR']).toContain((met.fault as string[])[0]);
  bounds(met);
});

it('gives a byte at a time no more than its time', async () => {
  const met = await meet(async (wire, { id }) => {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: '0x'.padEnd(10_000, '0') }));
    if (!(await wire.bytes(frameHead(body.length)))) return;
    for (const byte of body) {
      if (!(await wire.bytes(Buffer.of(byte)))) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  expect(met.fault).toEqual(['DEADLINE_EXCEEDED']);
  bounds(met);
});
