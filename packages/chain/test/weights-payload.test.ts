import { TypeRegistry } from '@polkadot/types';
import { blake2AsHex } from '@polkadot/util-crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compact, ScaleReader } from '../src/scale-bytes.ts';
import { decodeWeightsPayload, encodeWeightsPayload, weightsCommitHash } from '../src/timelock/weights-payload.ts';

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const registry = new TypeRegistry();
const u16s = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 });
const versionKey = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

it('writes what the runtime reads: SCALE of hotkey, uids, values, version key', () => {
  const bytes = encodeWeightsPayload({ hotkey: ALICE, uids: [1, 258], values: [65535, 7], versionKey: 3n });
  expect(Buffer.from(bytes).toString('hex')).toBe(
    `80d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d${'0801000201'}${'08ffff0700'}${'0300000000000000'}`,
  );
  const legacy = encodeWeightsPayload({ hotkey: undefined, uids: [1], values: [2], versionKey: 0n });
  expect(Buffer.from(legacy).toString('hex')).toBe('04010004020000000000'.padEnd(28, '0'));
});

it('agrees with polkadot.js, and reads back what it wrote', () => {
  fc.assert(
    fc.property(u16s, u16s, versionKey, fc.boolean(), (uids, values, key, withHotkey) => {
      const payload = { hotkey: withHotkey ? ALICE : undefined, uids, values, versionKey: key };
      const bytes = encodeWeightsPayload(payload);
      const types = withHotkey ? '(Bytes,Vec<u16>,Vec<u16>,u64)' : '(Vec<u16>,Vec<u16>,u64)';
      const owner = registry.createType('AccountId', ALICE).toU8a();
      const theirs = registry.createType(
        types as 'Bytes',
        (withHotkey ? [[...owner], uids, values, key] : [uids, values, key]) as never,
      );
      expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(theirs.toU8a()).toString('hex'));
      expect(decodeWeightsPayload(bytes)).toEqual(payload);
    }),
    { numRuns: 50 },
  );
});

it('refuses other bytes', () => {
  const bad = expect.objectContaining({ code: 'TIMELOCK_BAD_PAYLOAD' });
  for (const bytes of [[], [0], [4, 1], new Array(40).fill(0xff), new Array(11).fill(0)]) {
    expect(() => decodeWeightsPayload(Uint8Array.from(bytes))).toThrow(bad);
  }
});

it('hashes a commit as the runtime does, by either way of writing the tuple', () => {
  fc.assert(
    fc.property(u16s, u16s, u16s, versionKey, fc.integer({ min: 0, max: 0xffff }), (uids, values, salt, key, index) => {
      const ours = weightsCommitHash({ hotkey: ALICE, netuidIndex: index, uids, values, salt, versionKey: key });
      const tuple = registry.createType(
        '(AccountId,u16,Vec<u16>,Vec<u16>,Vec<u16>,u64)' as 'Bytes',
        [ALICE, index, uids, values, salt, key] as never,
      );
      expect(`0x${Buffer.from(ours).toString('hex')}`).toBe(blake2AsHex(tuple.toU8a()));
    }),
    { numRuns: 30 },
  );
});

it('reads and writes lengths of every size', () => {
  for (const value of [0, 63, 64, 16_383, 16_384, 1_000_000, 2 ** 30 - 1]) {
    expect(new ScaleReader(compact(value)).compact()).toBe(value);
    expect(compact(value)).toEqual(registry.createType('Compact<u32>', value).toU8a());
  }
  expect(() => new ScaleReader(Uint8Array.of(3)).compact()).toThrow(RangeError);
  expect(() => compact(2 ** 30)).toThrow(RangeError);
});
