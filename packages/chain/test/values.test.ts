import fc from 'fast-check';
import { expect, it } from 'vitest';
import { axonRow, certificateRow, peerKeyOf } from '../src/axon.ts';
import { bigUint, parseValue } from '../src/chain-values.ts';
import { encodeFields, registrationRow } from '../src/commitment-fields.ts';
import { formatIp, parseIp } from '../src/ip-address.ts';
import { taoText } from '../src/tao.ts';
import { scaleWeights, weightVector } from '../src/weight-vector.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

it('reads the integers of polkadot.js, small and large', () => {
  expect([5, '0xffffffffffffffff', '18446744073709551615'].map((value) => parseValue(bigUint, value, 'x'))).toEqual([
    5n,
    2n ** 64n - 1n,
    2n ** 64n - 1n,
  ]);
  expect(() => parseValue(bigUint, -1, 'burn')).toThrow(code('CHAIN_UNEXPECTED_VALUE'));
});

it('turns addresses into big-endian integers and back', () => {
  // 203.0.113.7 = 3405803783 on the chain (verified bytes of the chain notes).
  expect(parseIp('203.0.113.7')).toEqual({ ip: 3405803783n, type: 4 });
  for (const text of ['203.0.113.7', '0.0.0.0', '127.0.0.2', '2001:db8::1', '1:2:3:4:5:6:7:8', '::ffff:102:304']) {
    expect(formatIp(parseIp(text)), text).toBe(text);
  }
  for (const text of ['127.0.0.1', '255.255.255.255', '::1']) {
    expect(() => parseIp(text), text).toThrow(code('AXON_ADDRESS_REFUSED'));
  }
  for (const text of ['localhost', '', '1.2.3', 'fe80::1%eth0']) {
    expect(() => parseIp(text), text).toThrow(code('AXON_ADDRESS_INVALID'));
  }
});

it('reads axon and certificate rows', () => {
  const row = {
    block: 3,
    version: 10,
    ip: 3405803783,
    port: 8091,
    ipType: 4,
    protocol: 4,
    placeholder1: 0,
    placeholder2: 0,
  };
  expect(axonRow.parse(row)).toEqual({
    block: 3,
    axon: { ip: '203.0.113.7', port: 8091, version: 10, protocol: 4, placeholder1: 0, placeholder2: 0 },
  });
  const certificate = certificateRow.parse({ publicKey: `0x${'07'.repeat(32)}`, algorithm: 0xed });
  expect(peerKeyOf(certificate)).toEqual(new Uint8Array(32).fill(7));
  expect(peerKeyOf(Uint8Array.from([1, ...new Uint8Array(32)]))).toBeUndefined();
  expect(peerKeyOf(Uint8Array.from([0xed, 1, 2]))).toBeUndefined();
});

it('writes commitment fields as Raw and reads Raw and BigRaw', () => {
  expect(encodeFields(['abc', ''])).toEqual({ fields: [{ Raw3: '0x616263' }, { Raw0: '0x' }] });
  expect(() => encodeFields([])).toThrow(code('COMMITMENT_INVALID'));
  expect(() => encodeFields(['a', 'b', 'c', 'd'])).toThrow(code('COMMITMENT_INVALID'));
  expect(() => encodeFields(['x'.repeat(129)])).toThrow(code('COMMITMENT_INVALID'));
  expect(() => encodeFields(['é'])).toThrow(code('COMMITMENT_INVALID'));
  const fields = [{ raw3: '0x616263' }, { bigRaw: '0x7879' }, { sha256: `0x${'00'.repeat(32)}` }, { none: null }];
  expect(registrationRow.parse({ deposit: 0, block: 8, info: { fields } })).toEqual({
    block: 8,
    fields: ['abc', 'xy'],
  });
});

it('scales weights as the chain does, so that what is sent is what is stored', () => {
  expect(scaleWeights([1, 0.5, 0])).toEqual([65535, 32768, 0]);
  expect(scaleWeights([1e-9, 1])).toEqual([1, 65535]);
  expect(scaleWeights([3e30, 1e30])).toEqual([65535, 21845]);
  expect(() => scaleWeights([0, 0])).toThrow(code('WEIGHTS_EMPTY'));
  expect(() => scaleWeights([1, Number.NaN])).toThrow(code('WEIGHTS_INVALID'));
  expect(() => scaleWeights([1, -1])).toThrow(code('WEIGHTS_INVALID'));
});

it('drops departed hotkeys and pads to the least number of entries', () => {
  const uids = new Map([
    ['a', 3],
    ['b', 1],
    ['c', 0],
    ['d', 2],
  ]);
  const weights = [
    { hotkey: 'a', weight: 2 },
    { hotkey: 'gone', weight: 100 },
    { hotkey: 'b', weight: 1 },
  ];
  expect(weightVector(weights, uids, { leastEntries: 0 })).toEqual({ uids: [1, 3], values: [32768, 65535] });
  expect(weightVector(weights, uids, { leastEntries: 3 })).toEqual({ uids: [0, 1, 3], values: [0, 32768, 65535] });
  expect(() => weightVector([{ hotkey: 'gone', weight: 1 }], uids, { leastEntries: 2 })).toThrow(code('WEIGHTS_EMPTY'));
});

it('writes amounts exactly', () => {
  expect([taoText(1_500_000_000n), taoText(1n), taoText(0n)]).toEqual(['1.5 TAO', '0.000000001 TAO', '0 TAO']);
});

it('keeps every weight within the share that a subnet allows, as the chain reckons it', () => {
  const share = (values: number[]) => Math.max(...values) / values.reduce((sum, value) => sum + value, 0);
  expect(scaleWeights([8, 1, 1], 32_768)).toEqual([65535, 32767, 32767]);
  expect(scaleWeights([1, 1, 1], 32_768)).toEqual([65535, 65535, 65535]);
  expect(() => scaleWeights([3, 1, 0], 20_000)).toThrow(code('WEIGHTS_CONCENTRATED'));
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), { minLength: 12, maxLength: 40 }),
      fc.integer({ min: 6_000, max: 65_534 }),
      (weights, limit) => {
        const values = scaleWeights(weights, limit);
        expect(Math.max(...values)).toBe(65_535);
        expect(share(values)).toBeLessThanOrEqual(limit / 65_535);
        const order = weights.map((_, at) => at).sort((a, b) => weights[a]! - weights[b]!);
        const sorted = order.map((at) => values[at]!);
        expect(sorted).toEqual([...sorted].sort((a, b) => a - b));
      },
    ),
  );
});

it('leaves weight for oneself as it is', () => {
  const uids = new Map([
    ['me', 4],
    ['b', 1],
  ]);
  const limits = { leastEntries: 2, maxWeightsLimit: 100, ownUid: 4 };
  expect(weightVector([{ hotkey: 'me', weight: 1 }], uids, limits)).toEqual({ uids: [4], values: [65535] });
});
