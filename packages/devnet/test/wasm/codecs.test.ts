import { cryptoWaitReady, sr25519PairFromSeed, sr25519Sign } from '@polkadot/util-crypto';
import { secp256k1Compress, secp256k1Expand, secp256k1FromSeed, secp256k1Sign } from '@polkadot/wasm-crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { StateHistory, StateView } from '../../src/node/state.ts';
import { newHeader, sealOf } from '../../src/runtime/wasm/block-codec.ts';
import { nextSlot, TIMESTAMP_NOW_KEY } from '../../src/runtime/wasm/chain-clock.ts';
import { drandPulseEntries } from '../../src/runtime/wasm/drand-pulse.ts';
import { lengthPrefix } from '../../src/runtime/wasm/guest-memory.ts';
import { recovered } from '../../src/runtime/wasm/host/crypto.ts';
import { appended } from '../../src/runtime/wasm/host/storage.ts';
import { decodeApplyResult, decodeValidity } from '../../src/runtime/wasm/validity-codec.ts';
import { SignatureChecker, type SignatureScheme } from '../../src/signatures.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
const emptyState = () => new StateView(new StateHistory(), 0);

beforeAll(() => cryptoWaitReady());

describe('what a runtime answers', () => {
  it.each([
    ['0000', { included: true }],
    ['00010307160000', { included: true }],
    ['0100070a', { included: false, invalid: { name: 'Custom', custom: 10 } }],
    ['010002', { included: false, invalid: { name: 'Future' } }],
    ['010004', { included: false, invalid: { name: 'BadProof' } }],
    ['01000c', { included: false, invalid: { name: 'UnknownOrigin' } }],
    ['010101', { included: false, invalid: { name: 'Call' } }],
  ])('applying: %s', (result, expected) => {
    expect(decodeApplyResult(bytes(result))).toEqual(expected);
  });

  it('validity: tags of nonces as the node names them', () => {
    const who = 'd4'.repeat(32);
    const tag = (nonce: string) => `90${who}${nonce}`;
    const valid = `000500000000000000${'04'}${tag('02000000')}${'08'}${tag('03000000')}08ffee400000000000000001`;
    expect(decodeValidity(bytes(valid))).toEqual({
      ok: true,
      valid: { priority: 5n, requires: [`0x${who}:2`], provides: [`0x${who}:3`, '0xffee'], longevity: 64 },
    });
    expect(decodeValidity(bytes('010003'))).toEqual({ ok: false, invalid: { name: 'Stale' } });
  });

  it('headers: begins with the slot, ends with roots and every digest item', () => {
    const header = newHeader(
      { number: 300, parentHash: `0x${'11'.repeat(32)}`, nowMs: 0 },
      { number: 7n, startMs: 0n },
    );
    expect(hex(header)).toBe(`${'11'.repeat(32)}b104${'00'.repeat(64)}0406617572612007${'00'.repeat(7)}`);
    const finished = `${'11'.repeat(32)}b104${'22'.repeat(32)}${'33'.repeat(32)}0c${'06617572610401'}${'0008abcd'}08`;
    expect(sealOf(bytes(finished))).toEqual({
      stateRoot: `0x${'22'.repeat(32)}`,
      extrinsicsRoot: `0x${'33'.repeat(32)}`,
      logs: ['0x06617572610401', '0x0008abcd', '0x08'],
    });
  });
});

describe('clock of slots', () => {
  it('follows the wall clock and never gives one slot twice', () => {
    const state = emptyState();
    expect(nextSlot(state, 10_999, 1000n)).toEqual({ number: 10n, startMs: 10_000n });
    const now = Buffer.alloc(8);
    now.writeBigUInt64LE(20_000n);
    state.set(TIMESTAMP_NOW_KEY, now);
    expect(nextSlot(state, 10_999, 1000n).number).toBe(21n);
    expect(nextSlot(state, 35_000, 1000n).number).toBe(35n);
  });
});

describe('host functions', () => {
  it('appends to SCALE vectors across the sizes of their count', () => {
    expect(hex(appended(undefined, bytes('aa')))).toBe('04aa');
    expect(hex(appended(bytes('04aa'), bytes('bb')))).toBe('08aabb');
    for (const count of [63, 16_383]) {
      const before = Buffer.concat([lengthPrefix(count), new Uint8Array(count)]);
      const after = appended(before, bytes('01'));
      expect(hex(after)).toBe(hex(Buffer.concat([lengthPrefix(count + 1), new Uint8Array(count), bytes('01')])));
    }
    expect(hex(lengthPrefix(70_000))).toBe('c2450400');
    const many = appended(Buffer.concat([lengthPrefix(70_000), new Uint8Array(70_000)]), bytes('01'));
    expect(hex(many.subarray(0, 4))).toBe(hex(lengthPrefix(70_001)));
  });

  it('judges signatures, and calls malformed ones false', () => {
    const pair = sr25519PairFromSeed(new Uint8Array(32).fill(1));
    const message = bytes('0102');
    const signature = sr25519Sign(message, pair);
    const checker = new SignatureChecker();
    const holds = (scheme: SignatureScheme, text: Uint8Array, proof: Uint8Array, key: Uint8Array) => {
      const first = checker.holds(scheme, text, proof, key);
      // The second answer comes from memory.
      expect(checker.holds(scheme, text, proof, key)).toBe(first);
      return first;
    };
    expect(holds('sr25519', message, signature, pair.publicKey)).toBe(true);
    expect(holds('ed25519', message, signature, pair.publicKey)).toBe(false);
    expect(holds('sr25519', bytes('0103'), signature, pair.publicKey)).toBe(false);
    expect(holds('sr25519', message, new Uint8Array(64).fill(255), new Uint8Array(32).fill(255))).toBe(false);
    expect(holds('ed25519', message, new Uint8Array(64).fill(255), new Uint8Array(32).fill(255))).toBe(false);
    expect(holds('ed25519', message, new Uint8Array(3), new Uint8Array(2))).toBe(false);
  });

  it('recovers secp256k1 keys, or says that it cannot', () => {
    const pair = secp256k1FromSeed(new Uint8Array(32).fill(7));
    const digest = new Uint8Array(32).fill(3);
    const publicKey = pair.subarray(32);
    const signature = secp256k1Sign(digest, pair.subarray(0, 32));
    const compressed = publicKey.length === 33 ? publicKey : secp256k1Compress(publicKey);
    expect(hex(recovered(signature, digest, true))).toBe(`00${hex(compressed)}`);
    expect(hex(recovered(signature, digest, false))).toBe(`00${hex(secp256k1Expand(compressed).slice(-64))}`);
    expect(hex(recovered(new Uint8Array(65).fill(255), digest, true))).toBe('0101');
    expect(hex(recovered(new Uint8Array(65), digest, true))).toBe('0102');
  });

  it('finds the next key through stored, written, removed and rolled back ones', () => {
    const history = new StateHistory();
    history.commit(0, new Map(['0x10', '0x20', '0x30'].map((key) => [key, bytes('01')])));
    const view = new StateView(history, 0);
    expect(view.nextKey('0x')).toBe('0x10');
    expect(view.nextKey('0x10')).toBe('0x20');
    view.set('0x15', bytes('02'));
    view.delete('0x20');
    expect(view.nextKey('0x10')).toBe('0x15');
    expect(view.nextKey('0x15')).toBe('0x30');
    view.begin();
    view.set('0x1599', bytes('03'));
    view.delete('0x30');
    expect(view.nextKey('0x15')).toBe('0x1599');
    expect(view.nextKey('0x1599')).toBeUndefined();
    view.rollback();
    expect(view.nextKey('0x15')).toBe('0x30');
    expect(view.nextKey('0x30')).toBeUndefined();
  });
});

describe('drand pulses', () => {
  it('gives the storage entries of a pulse', () => {
    const signature = `0x${'ab'.repeat(48)}`;
    const [pulse, last] = drandPulseEntries({ round: 1000, signature });
    const drand = '0xa285cdb66e8b8524ea70b1693c7b1e05';
    expect(pulse![0].startsWith(`${drand}0d8e70fd32bfb1639703f9a23d15b15e`)).toBe(true);
    expect(pulse![0].endsWith('e803000000000000')).toBe(true);
    expect(pulse![1]).toMatch(new RegExp(`^0xe80300000000000080[0-9a-f]{64}c0${'ab'.repeat(48)}$`));
    expect(last).toEqual([`${drand}087f3dd6e0ceded0e388dd34f810a73d`, '0xe803000000000000']);
  });
});
