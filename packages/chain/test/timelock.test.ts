import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { beaconFromSecret, QUICKNET, roundAt, roundPoint, roundTime } from '../src/timelock/beacon.ts';
import { timelockDecrypt, timelockEncrypt, timelockEncryptInSteps } from '../src/timelock/cipher.ts';

/** Quicknet's round 1000, and a ciphertext that the spec-293 runtime opened to "hello". */
const ROUND = 1000;
const SIGNATURE = hex(
  'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
);
const HELLO = hex(
  'b2a600b8547e34771c92ef3adaead7f92850c801089b2cf605842308ca4f73db039d1fd09240fafe68d520a037c09fdf139775dbe926d0cfd77587ef8c35835010f634184a6bcf57a5fffb5fe6db069b9a9708005565a275b920d3f1b53eef0b2000000000000000e1ecf07c976d38bd58d73ad10e20cbb8aa161825e638e5112348fa24521c94af200000000000000074867ab51c383a5eb9445de70fcc8cdb011c07306597b04cfb7e885757efcb4b31000000000000001500000000000000900478f6905903a5aae15db74b3a6faca48e57864c0c0000000000000003030303030303030303030308000000000000004145535f47434d5f',
);
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const unopenable = expect.objectContaining({ name: 'BadInputError', code: 'TIMELOCK_UNDECRYPTABLE' });

function hex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** Key of ones, sigma of twos, nonce of threes. */
function counting(): (bytes: number) => Uint8Array {
  let next = 0;
  return (bytes) => new Uint8Array(bytes).fill(++next);
}

it('maps a round to the point that quicknet signs', () => {
  expect(roundPoint(ROUND).toHex(true)).toBe(
    '8f5a32d53837b00fbc0ee31ce9966435a41c5188a80ce9934d3c80588b6ad6f643ebda1b83ef89e44da9ced6205cdecf',
  );
  expect(() => roundPoint(-1)).toThrow(RangeError);
  expect(() => roundPoint(1.5)).toThrow(RangeError);
});

it('writes, byte for byte, the ciphertext that the real runtime opened', () => {
  const made = timelockEncrypt({ plaintext: Buffer.from('hello'), round: ROUND, random: counting() });
  expect(Buffer.from(made).toString('hex')).toBe(Buffer.from(HELLO).toString('hex'));
  expect(createHash('sha256').update(made).digest('hex')).toBe(
    'aec92c9a222b08164410818005325bcd374ea21cc3be2f08ca59490a714a7769',
  );
});

it('makes the same in steps, between which others have their turn', async () => {
  let turns = 0;
  const turn = setInterval(() => turns++, 0);
  const args = { plaintext: Buffer.from('hello'), round: ROUND };
  expect(await timelockEncryptInSteps({ ...args, random: counting() })).toEqual(HELLO);
  clearInterval(turn);
  expect(turns).toBeGreaterThanOrEqual(2);
  await expect(timelockEncryptInSteps({ ...args, round: -1 })).rejects.toThrow(RangeError);
});

it('opens it with the signature of quicknet', () => {
  expect(text(timelockDecrypt(HELLO, SIGNATURE))).toBe('hello');
});

it('opens for its own round only, and for its own beacon', () => {
  const beacon = beaconFromSecret(new Uint8Array(32).fill(7));
  const sealed = timelockEncrypt({ plaintext: Buffer.from('x'), round: 5, publicKey: beacon.publicKey });
  expect(text(timelockDecrypt(sealed, beacon.sign(5)))).toBe('x');
  expect(() => timelockDecrypt(sealed, beacon.sign(6))).toThrow(unopenable);
  expect(() => timelockDecrypt(sealed, beaconFromSecret(new Uint8Array(32).fill(8)).sign(5))).toThrow(unopenable);
  // 5 as a little-endian u64 is another round.
  expect(() => timelockDecrypt(sealed, beacon.sign(5 * 2 ** 48))).toThrow(unopenable);
});

it.each([0, 1, 32, 200, 780, 4756])('round-trips %i bytes in 244 more', (length) => {
  const plaintext = Uint8Array.from({ length }, (_, at) => (at * 31) & 0xff);
  const sealed = timelockEncrypt({ plaintext, round: ROUND });
  expect(sealed.length).toBe(244 + length);
  expect(timelockDecrypt(sealed, SIGNATURE)).toEqual(plaintext);
});

it('never makes the same ciphertext twice', () => {
  const args = { plaintext: Buffer.from('same'), round: ROUND };
  expect(timelockEncrypt(args)).not.toEqual(timelockEncrypt(args));
});

it('notices any altered byte, in whichever part', () => {
  // One byte of every part, always; others at random.
  const parts = { u: 5, flags: 0, vLength: 96, v: 110, wLength: 136, w: 150, inner: 176, bodyLength: 184, body: 193 };
  const tail = { tag: 200, nonceLength: 213, nonce: 225, suffixLength: 233, suffix: 245 };
  for (const [name, at] of Object.entries({ ...parts, ...tail })) {
    const altered = Uint8Array.from(HELLO);
    altered[at]! ^= 0x20;
    expect(() => timelockDecrypt(altered, SIGNATURE), name).toThrow(unopenable);
  }
  fc.assert(
    fc.property(fc.nat(HELLO.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const altered = Uint8Array.from(HELLO);
      altered[at]! ^= mask;
      expect(() => timelockDecrypt(altered, SIGNATURE)).toThrow(unopenable);
    }),
    { numRuns: 40 },
  );
});

it('refuses bytes that are no ciphertext, and signatures that are none', () => {
  for (const bytes of [new Uint8Array(), HELLO.slice(0, -1), Uint8Array.from([...HELLO, 0]), new Uint8Array(300)]) {
    expect(() => timelockDecrypt(bytes, SIGNATURE)).toThrow(unopenable);
  }
  for (const signature of [new Uint8Array(), new Uint8Array(48), SIGNATURE.slice(1), new Uint8Array(48).fill(0xff)]) {
    expect(() => timelockDecrypt(HELLO, signature)).toThrow(unopenable);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(() => timelockDecrypt(bytes, SIGNATURE)).toThrow(unopenable);
    }),
  );
});

it('knows which round is published when', () => {
  expect(roundAt(QUICKNET.genesisTime)).toBe(1);
  expect(roundAt(QUICKNET.genesisTime - 1)).toBe(0);
  expect(roundTime(ROUND)).toBe(QUICKNET.genesisTime + 2997);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (round) => {
      expect(roundAt(roundTime(round))).toBe(round);
      expect(roundAt(roundTime(round) - 1)).toBe(round - 1);
      expect(roundAt(roundTime(round) + 2)).toBe(round);
    }),
  );
});
