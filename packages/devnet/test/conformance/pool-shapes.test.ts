import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DevnetNode, startDevnetNode } from '../../src/start-node.ts';
import type { Client } from './client.ts';
import { inner } from './scenario.ts';
import { Theatre } from './stage.ts';

/** Codes, messages and data of refusals as sc-rpc-api of Substrate gives them, over plain HTTP: no client words them anew. */
let node: DevnetNode;
let client: Client;

beforeAll(async () => {
  ({ client } = await Theatre.open());
  node = await startDevnetNode({ blockMs: 3_600_000 });
}, 60_000);
afterAll(() => node?.close());

async function submit(bytes: Uint8Array): Promise<{ result?: string; error?: object }> {
  const params = [`0x${Buffer.from(bytes).toString('hex')}`];
  const response = await fetch(node.endpoint.replace('ws', 'http'), {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'author_submitExtrinsic', params }),
  });
  return (await response.json()) as { result?: string; error?: object };
}

const remark = (by: string, nonce: number, tip = 0n) =>
  client.sign(inner('System.remark', { remark: '0x01' }), by, node.genesisHash, nonce, { tip });

it('a transaction is answered with its hash, and the same one again with 1013 and the hash', async () => {
  const bytes = remark('@Bob', 0);
  const { result } = await submit(bytes);
  expect(result).toMatch(/^0x[0-9a-f]{64}$/);
  expect((await submit(bytes)).error).toEqual({ code: 1013, message: 'Transaction Already Imported', data: result });
});

it('another of the same nonce: 1014', async () => {
  await submit(remark('@Charlie', 0));
  expect((await submit(remark('@Charlie', 0, 5n))).error).toEqual({
    code: 1014,
    message: expect.stringMatching(/^Priority is too low: \(\d+ vs \d+\)$/),
    data: 'The transaction has too low priority to replace another transaction already in the pool.',
  });
});

it.each([
  ['a hotkey that is registered nowhere', '@Bob/hot', 'Custom error: 10', 0],
  ['a forged signature', '@Bob', 'Transaction has a bad signature', 1],
  ['no balance', '@Nobody', 'Inability to pay some fees (e.g. account balance too low)', 0],
])('invalid: 1010 with its reason as data: %s', async (_name, by, data, forge) => {
  const axon = { netuid: 1, version: 1, ip: 1, port: 1, ip_type: 4, protocol: 4, placeholder1: 0, placeholder2: 0 };
  const call =
    by === '@Bob/hot' ? inner('SubtensorModule.serve_axon', axon) : inner('System.remark', { remark: '0x02' });
  const bytes = client.sign(call, by, node.genesisHash, 1, {});
  // Within the signature.
  if (forge) bytes[40]! ^= 1;
  expect((await submit(bytes)).error).toEqual({ code: 1010, message: 'Invalid Transaction', data });
});

it('a used nonce: 1010, outdated', async () => {
  await submit(remark('@Alice', 0));
  node.newBlocks();
  const { error } = await submit(remark('@Alice', 0));
  expect(error).toEqual({ code: 1010, message: 'Invalid Transaction', data: 'Transaction is outdated' });
});

it('no transaction: 1001', async () => {
  const { error } = await submit(Uint8Array.of(12, 1, 2, 3));
  expect(error).toMatchObject({ code: 1001, message: expect.stringMatching(/^Extrinsic has invalid format/) });
});
