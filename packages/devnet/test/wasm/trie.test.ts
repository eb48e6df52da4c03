import { blake2AsU8a, cryptoWaitReady } from '@polkadot/util-crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeNode } from '../../src/trie/node-codec.ts';
import { orderedRoot, Trie } from '../../src/trie/trie.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const text = (value: string) => new Uint8Array(Buffer.from(value));
const hashOf = (...parts: string[]) => hex(blake2AsU8a(bytes(parts.join('')), 256));
const EMPTY = '03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314';

beforeAll(() => cryptoWaitReady());

describe('state trie', () => {
  it('gives the known root of nothing, in both versions', () => {
    expect(hex(new Trie(0).root())).toBe(EMPTY);
    expect(hex(new Trie(1).root())).toBe(EMPTY);
    expect(hex(orderedRoot([], 0))).toBe(EMPTY);
  });

  it('encodes one leaf as the specification does: 0x40 + 2 nibbles, key, value', () => {
    const trie = new Trie(1).with([['0xaa', bytes('bb')]]);
    expect(hex(trie.root())).toBe(hashOf('42', 'aa', '04', 'bb'));
  });

  it('puts small children inline into a branch, in order of their nibble', () => {
    const trie = new Trie(0).with([
      ['0x4819', bytes('fe')],
      ['0x1314', bytes('ff')],
    ]);
    // Branch without value, slots 1 and 4, two leaves of 5 bytes with 3 nibbles each.
    expect(hex(trie.root())).toBe(hashOf('80', '1200', '14', '43031404ff', '14', '43081904fe'));
  });

  it('gives a branch the value of a key that ends there, and large children by hash', () => {
    const long = 'cd'.repeat(32);
    const trie = new Trie(0).with([
      ['0x12', bytes('01')],
      ['0x1234', bytes(long)],
    ]);
    const child = hashOf('41', '04', '80', long);
    expect(hex(trie.root())).toBe(hashOf('c2', '12', '0800', '0401', '80', child));
  });

  it('stores values from 33 bytes on as hash in version 1 only', () => {
    const at = (length: number, version: 0 | 1) =>
      hex(new Trie(version).with([['0xaa', new Uint8Array(length).fill(7)]]).root());
    const value = (length: number) => '07'.repeat(length);
    expect(at(32, 1)).toBe(hashOf('42aa', '80', value(32)));
    expect(at(33, 1)).toBe(hashOf('22aa', hashOf(value(33))));
    expect(at(33, 0)).toBe(hashOf('42aa', '84', value(33)));
    const branch = new Trie(1).with([
      ['0xaa', new Uint8Array(40).fill(7)],
      ['0xaabb', bytes('01')],
    ]);
    expect(hex(branch.root())).toBe(hashOf('12aa', '0008', hashOf(value(40)), '10', '410b0401'));
  });

  it('spreads long partial keys over several header bytes', () => {
    const header = (length: number) => {
      const parts = { partial: '0'.repeat(length), value: bytes('01'), valueHash: undefined, references: undefined };
      return hex(encodeNode(parts)).slice(0, 6);
    };
    expect(header(62).slice(0, 2)).toBe('7e');
    expect(header(63).slice(0, 4)).toBe('7f00');
    expect(header(63 + 254).slice(0, 4)).toBe('7ffe');
    expect(header(63 + 255)).toBe('7fff00');
  });

  it.each([
    [['budgetary management'], 'c66a6345c58b3ec0ce9c0a1497553e4078f3d990063ac3e3058db06db358148a'],
    [['Integrated', 'portal'], 'ea64d09f9740275ef7faaa3cee5a6a45fc8fe655cf049addbcefa7ba2ba6032d'],
    [['even-keeled', 'Future-proofed'], '5147323d593b7bb01fe8ea3e9d5a4bba0497c7f47b5daa121f4a6d791164d60b'],
  ])('agrees with another implementation on the ordered root of %j', (items, root) => {
    // Values published with the tests of kagome (a Polkadot host in C++), ordered_trie_hash_test.cpp.
    expect(hex(orderedRoot(items.map(text), 0))).toBe(root);
  });

  it('does not depend on the order of changes, and forgets what was removed', () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const entries = new Map<string, Uint8Array>();
    let grown = new Trie(1);
    for (let i = 0; i < 3000; i++) {
      const key = `0x${'ab'.repeat(random(3))}${random(512).toString(16).padStart(4, '0')}`;
      const value = random(3) === 0 ? undefined : new Uint8Array(random(60)).fill(random(256));
      if (value) entries.set(key, value);
      else entries.delete(key);
      grown = grown.with([[key, value]]);
      // Roots on the way fill the caches that later changes must drop.
      if (i % 50 === 0) grown.root();
    }
    expect(entries.size).toBeGreaterThan(300);
    const shuffled = [...entries].sort(() => random(3) - 1);
    expect(hex(grown.root())).toBe(hex(new Trie(1).with(shuffled).root()));
    const emptied = grown.with([...entries.keys()].map((key) => [key, undefined] as const));
    expect(hex(emptied.root())).toBe(EMPTY);
  });

  it('is persistent: an old trie keeps its root', () => {
    const old = new Trie(1).with([['0x1234', bytes('01')]]);
    const before = hex(old.root());
    old.with([['0x1234', bytes('02')]]).root();
    expect(hex(old.root())).toBe(before);
    expect(old.with([['0x1234', bytes('01')]])).toBe(old);
  });
});
