import { hexToU8a, u8aToHex } from '@polkadot/util';
import { expect, it } from 'vitest';
import { parseKeyFile, serialiseKeyFile, serialisePublicFile, toJson } from '../src/key-file.ts';
import {
  addressOf,
  canonicalOf,
  PairSigner,
  pairFromCanonical,
  pairFromSeed,
  seedOfMnemonic,
  verifySignature,
} from '../src/key-pair.ts';

// A canonical schnorrkel secret and its public key, from the wallet notes (they sign and verify after the conversion).
const CANONICAL = hexToU8a(
  '0x1f1995bdf3a17b60626a26cfe6f564b337d46056b7a1281b64c649d592ccda0a9cffd34d9fb01cae1fba61aeed184c817442a2186d5172416729a4b54dd4b84e',
);
const PUBLIC = hexToU8a('0xe4359ad3e2716c539a1d663ebd0a51bdc5c98a12e663bb4c4402db47828c9446');
// The well-known development phrase of Substrate and the address of its root key.
const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const PHRASE_ADDRESS = '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV';

const message = new TextEncoder().encode('hello');
const file = (fields: Record<string, unknown>) => new TextEncoder().encode(JSON.stringify(fields));
const rejects = (fields: Record<string, unknown>, what: RegExp) =>
  expect(parseKeyFile(file(fields), '/w/k')).rejects.toMatchObject({
    code: 'WALLET_INVALID',
    message: expect.stringMatching(what),
  });

it('converts the private key of a file to a pair that signs, and back', () => {
  const pair = pairFromCanonical(CANONICAL, PUBLIC);
  const signer = new PairSigner(pair);
  expect(verifySignature(signer.address, message, signer.sign(message))).toBe(true);
  expect(canonicalOf(pair.secretKey)).toEqual(CANONICAL);
  const unconverted = new PairSigner({ publicKey: PUBLIC, secretKey: CANONICAL });
  expect(verifySignature(addressOf(PUBLIC), message, unconverted.sign(message))).toBe(false);
});

it('takes the secret phrase before the seed before the private key before the address', async () => {
  const other = pairFromSeed(new Uint8Array(32).fill(7));
  const seed = u8aToHex(new Uint8Array(32).fill(7));
  const privateKey = u8aToHex(CANONICAL);
  expect((await parseKeyFile(file({ secretPhrase: PHRASE, secretSeed: seed, privateKey }), 'f')).address).toBe(
    PHRASE_ADDRESS,
  );
  expect((await parseKeyFile(file({ secretSeed: seed, privateKey }), 'f')).pair?.publicKey).toEqual(other.publicKey);
  const third = await parseKeyFile(file({ privateKey, publicKey: u8aToHex(PUBLIC), secretPhrase: null }), 'f');
  expect(verifySignature(addressOf(PUBLIC), message, new PairSigner(third.pair!).sign(message))).toBe(true);
  expect(await parseKeyFile(file({ ss58Address: PHRASE_ADDRESS }), 'f')).toEqual({
    address: PHRASE_ADDRESS,
    pair: undefined,
  });
});

it('refuses a file whose public parts belong to another key', async () => {
  await rejects({ secretPhrase: PHRASE, ss58Address: addressOf(PUBLIC) }, /belongs to/);
  await rejects({ secretSeed: `0x${'07'.repeat(32)}`, publicKey: u8aToHex(PUBLIC) }, /belongs to/);
  await rejects({ publicKey: u8aToHex(PUBLIC), ss58Address: PHRASE_ADDRESS }, /different keys/);
  await rejects({ privateKey: u8aToHex(CANONICAL), publicKey: `0x${'e4'.repeat(32)}` }, /privateKey/);
});

it('takes the scheme that newer files name, and says that an ed25519 key cannot sign', async () => {
  const sr25519 = await parseKeyFile(file({ secretPhrase: PHRASE, cryptoType: 1 }), '/w/k');
  expect(sr25519.address).toBe(PHRASE_ADDRESS);
  await expect(parseKeyFile(file({ secretPhrase: PHRASE, cryptoType: 0 }), '/w/k')).rejects.toMatchObject({
    code: 'WALLET_UNSUPPORTED',
    message: expect.stringMatching(/ed25519.*sr25519/),
  });
  // The address of such a key can still be named, paid and registered to.
  expect(await parseKeyFile(file({ ss58Address: PHRASE_ADDRESS, cryptoType: 0 }), '/w/k')).toEqual({
    address: PHRASE_ADDRESS,
    pair: undefined,
  });
});

it('refuses what is not a key file, without quoting it', async () => {
  await rejects({}, /neither/);
  await rejects({ secretSeed: '0x0102' }, /32 bytes/);
  await rejects({ secretSeed: 5 }, /secretSeed/);
  await rejects({ secretPhrase: 'abandon abandon' }, /mnemonic/);
  const broken = await parseKeyFile(new TextEncoder().encode('{"secretSeed": "0xdeadbeef'), 'f').catch((e) => e);
  expect(broken.code).toBe('WALLET_INVALID');
  expect(`${broken.message}${broken.stack}`).not.toContain('deadbeef');
});

it('writes strings only, and reads what it wrote', async () => {
  const seed = await seedOfMnemonic(PHRASE);
  const pair = pairFromSeed(seed);
  const json = JSON.parse(new TextDecoder().decode(serialiseKeyFile(pair, { mnemonic: PHRASE, seed })));
  expect(Object.values(json).every((value) => typeof value === 'string')).toBe(true);
  expect(json).toMatchObject({ secretPhrase: PHRASE, ss58Address: PHRASE_ADDRESS });
  delete json.secretPhrase;
  delete json.secretSeed;
  const again = await parseKeyFile(file(json), 'f');
  expect(verifySignature(PHRASE_ADDRESS, message, new PairSigner(again.pair!).sign(message))).toBe(true);
  expect((await parseKeyFile(serialisePublicFile(PUBLIC), 'f')).address).toBe(addressOf(PUBLIC));
  expect(() => toJson({ secretSeed: 1 as unknown as string })).toThrow(/strings only/);
});

it('never throws on a malformed signature or address', () => {
  expect(verifySignature('nonsense', message, new Uint8Array(64))).toBe(false);
  expect(verifySignature(PHRASE_ADDRESS, message, new Uint8Array(3))).toBe(false);
  expect(verifySignature(PHRASE_ADDRESS, message, new Uint8Array(64).fill(255))).toBe(false);
});
