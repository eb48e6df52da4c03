import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { parseChainSpec } from '../../src/runtime/wasm/source/chain-spec.ts';
import { mergeJson, parseJson, stringifyJson } from '../../src/runtime/wasm/source/json.ts';
import { loadRuntimeSource } from '../../src/runtime/wasm/source/runtime-source.ts';

const plain = (genesis: unknown) => JSON.stringify({ name: 'Test', properties: { ss58Format: 42 }, genesis });

describe('chain specifications', () => {
  it('reads a plain one with a patch, or with a whole configuration', () => {
    const patch = { sudo: { key: 'x' } };
    const source = parseChainSpec(plain({ runtimeGenesis: { code: '0x0a0b', patch } }));
    expect(source).toMatchObject({ chain: 'Test', genesis: { kind: 'patch', patch } });
    expect([...source.code]).toEqual([10, 11]);
    expect(parseChainSpec(plain({ runtimeGenesis: { code: '0x00', config: patch } })).genesis.kind).toBe('config');
  });

  it('reads a raw one, keys in lower case', () => {
    const top = { '0x3a636f6465': '0x00', '0xABCD': '0x01' };
    const { genesis } = parseChainSpec(plain({ raw: { top, childrenDefault: {} } }));
    expect(genesis.kind === 'raw' && genesis.entries.map(([key]) => key)).toEqual(['0x3a636f6465', '0xabcd']);
  });

  it.each([
    ['no JSON', '{', /no valid JSON/],
    ['no genesis', JSON.stringify({ name: 'x' }), /genesis/],
    ['an empty genesis', plain({}), /neither `runtimeGenesis` nor `raw`/],
    ['the old plain form', plain({ runtime: { system: {} } }), /old plain form.*build-spec --raw/],
    ['code that is no hexadecimal', plain({ runtimeGenesis: { code: 'wasm', patch: {} } }), /hexadecimal/],
    ['a raw one without code', plain({ raw: { top: { '0x01': '0x02' } } }), /no runtime code/],
    [
      'child storage',
      plain({ raw: { top: { '0x3a636f6465': '0x00' }, childrenDefault: { '0x01': { '0x02': '0x03' } } } }),
      /child storage/,
    ],
  ])('refuses %s and says why', (_name, text, reason) => {
    expect(() => parseChainSpec(text)).toThrow(reason);
    expect(() => parseChainSpec(text)).toThrow(expect.objectContaining({ code: 'CHAIN_SPEC_INVALID' }));
  });

  it('keeps integers that a double cannot hold', () => {
    const text = '{"a":18446744073709551615,"b":[-9007199254740993],"c":"has 12345678901234567890","d":1.5,"e":7}';
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('merges objects, replaces lists, and removes what is null', () => {
    const base = { a: { x: 1, y: [1, 2] }, b: 2 };
    expect(mergeJson(base, { a: { y: [3] }, b: null, c: 4 })).toEqual({ a: { x: 1, y: [3] }, c: 4 });
  });
});

describe('runtime sources', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'runtime-source-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  const load = (from: string, cacheDir = join(dir, 'cache')) =>
    loadRuntimeSource(from, { cacheDir, logger: silentLogger });

  it('takes bare code for a development chain', async () => {
    const path = join(dir, 'runtime.wasm');
    await writeFile(path, Buffer.from('0061736d01000000', 'hex'));
    expect(await load(path)).toMatchObject({ genesis: { kind: 'development' } });
    await expect(load(join(dir, 'missing'))).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });

  it('asks an endpoint once and then uses the cache', async () => {
    let asked = 0;
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) =>
      socket.on('message', (data) => {
        asked++;
        const { id, method, params } = JSON.parse(data.toString());
        expect([method, params]).toEqual(['state_getStorage', ['0x3a636f6465']]);
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: '0x0061736d01000000' }));
      }),
    );
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const first = await load(url);
    await new Promise((resolve) => server.close(resolve));
    const second = await load(url);
    expect(asked).toBe(1);
    expect(Buffer.from(second.code).toString('hex')).toBe('0061736d01000000');
    expect(second.code).toEqual(first.code);
    expect(await readdir(join(dir, 'cache'))).toHaveLength(1);
  });

  it.each([
    ['an error', JSON.stringify({ id: 1, error: { code: -32601, message: 'Method not found' } }), /Method not found/],
    ['nothing of use', 'hello', /is it a Substrate node/],
    ['no value', JSON.stringify({ id: 1, result: null }), /did not give its runtime/],
  ])('names the endpoint that answers with %s', async (_name, reply, reason) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) => socket.on('message', () => socket.send(reply)));
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(load(url, join(dir, 'none'))).rejects.toMatchObject({ code: 'ENDPOINT_HAS_NO_RUNTIME' });
    await expect(load(url, join(dir, 'none'))).rejects.toThrow(reason);
    await new Promise((resolve) => server.close(resolve));
    await expect(load(url, join(dir, 'none'))).rejects.toMatchObject({ code: 'ENDPOINT_UNREACHABLE' });
  });
});
