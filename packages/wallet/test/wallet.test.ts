import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createHotkey,
  createWallet,
  importKey,
  lacksColdkey,
  obscurePassword,
  openColdkey,
  openHotkey,
  passwordFromEnvironment,
  passwordVariable,
  readColdkeyAddress,
  verifySignature,
  type WalletRef,
} from '../src/index.ts';
import { sealBox } from '../src/sealed-box.ts';

let path: string;
let ref: WalletRef;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'wallet-'));
  ref = { name: 'default', hotkey: 'miner', path };
});
afterEach(() => rm(path, { recursive: true, force: true }));

const message = new TextEncoder().encode('tuning');

describe('a plain wallet', () => {
  it('is made with mode 0600 and opened again', async () => {
    const made = await createWallet(ref);
    const hotkey = await openHotkey(ref);
    expect(hotkey.address).toBe(made.hotkey.address);
    expect(verifySignature(hotkey.address, message, hotkey.sign(message))).toBe(true);
    expect(await readColdkeyAddress(ref)).toBe(made.coldkey.address);
    expect((await readdir(join(path, 'default'), { recursive: true })).sort()).toEqual([
      'coldkey',
      'coldkeypub.txt',
      'hotkeys',
      'hotkeys/miner',
      'hotkeys/minerpub.txt',
    ]);
    for (const file of ['coldkey', 'coldkeypub.txt', 'hotkeys/miner', 'hotkeys/minerpub.txt']) {
      expect((await stat(join(path, 'default', file))).mode & 0o777, file).toBe(0o600);
    }
  });

  it('is restored from its mnemonics and seeds', async () => {
    const made = await createWallet(ref, { words: 24 });
    expect(made.hotkey.mnemonic.reveal().split(' ')).toHaveLength(24);
    const to = { ...ref, name: 'restored' };
    expect(await importKey(to, 'coldkey', made.coldkey.mnemonic!)).toBe(made.coldkey.address);
    const { secretSeed } = JSON.parse(await readFile(join(path, 'default/hotkeys/miner'), 'utf8'));
    expect(await importKey(to, 'hotkey', new Secret(`${secretSeed.slice(2)}\n`))).toBe(made.hotkey.address);
    expect((await openHotkey(to)).address).toBe(made.hotkey.address);
    const bySeed = JSON.parse(await readFile(join(path, 'restored/hotkeys/miner'), 'utf8'));
    expect(bySeed).toMatchObject({ secretSeed, ss58Address: made.hotkey.address });
    expect(bySeed).not.toHaveProperty('secretPhrase');
    await expect(importKey(to, 'coldkey', made.coldkey.mnemonic!)).rejects.toMatchObject({ code: 'WALLET_EXISTS' });
  });

  it('is not imported from what is no secret, and the secret is not quoted', async () => {
    const fails = (text: string) => importKey(ref, 'hotkey', new Secret(text)).catch((error) => error);
    expect(await fails('one two three')).toMatchObject({ code: 'WALLET_BAD_MNEMONIC' });
    for (const text of ['', ' \n', '0xabcd', 'ab'.repeat(64), '{"encoded":"x"}']) {
      const error = await fails(text);
      expect(error, text).toMatchObject({ name: 'OperatorError', code: 'WALLET_BAD_SEED' });
      if (text.trim() !== '') expect(error.message).not.toContain(text);
    }
    const empty = importKey(ref, 'hotkey', new Secret('ab'.repeat(32)), new Secret(' '));
    await expect(empty).rejects.toMatchObject({ code: 'WALLET_PASSWORD_EMPTY' });
    expect(await readdir(path)).toEqual([]);
  });

  it('is never overwritten, and gets further hotkeys', async () => {
    const made = await createWallet(ref);
    const before = await readFile(join(path, 'default/hotkeys/miner'));
    await expect(createWallet(ref)).rejects.toMatchObject({ code: 'WALLET_EXISTS' });
    await expect(createHotkey(ref)).rejects.toMatchObject({ code: 'WALLET_EXISTS' });
    expect(await readFile(join(path, 'default/hotkeys/miner'))).toEqual(before);
    const second = await createWallet({ ...ref, hotkey: 'other' });
    expect(second.coldkey).toEqual({ address: made.coldkey.address, mnemonic: undefined });
    await rm(join(path, 'default/hotkeys/other'));
    await expect(createHotkey({ ...ref, hotkey: 'other' })).rejects.toMatchObject({ code: 'WALLET_EXISTS' });
    const restored = await importKey({ ...ref, hotkey: 'other' }, 'hotkey', second.hotkey.mnemonic);
    expect(restored).toBe(second.hotkey.address);
    await rm(join(path, 'default/coldkeypub.txt'));
    expect((await createWallet({ ...ref, hotkey: 'third' })).coldkey.address).toBe(made.coldkey.address);
    expect(await readColdkeyAddress(ref)).toBe(made.coldkey.address);
  });

  it('wipes a coldkey that was told to be forgotten', async () => {
    expect(await lacksColdkey(ref)).toBe(true);
    await createWallet(ref);
    expect(await lacksColdkey(ref)).toBe(false);
    const coldkey = await openColdkey(ref);
    expect(verifySignature(coldkey.address, message, coldkey.sign(message))).toBe(true);
    coldkey.forget();
    expect(() => coldkey.sign(message)).toThrow(expect.objectContaining({ code: 'WALLET_FORGOTTEN' }));
  });
});

describe('what cannot be opened', () => {
  it('says which wallets and hotkeys exist', async () => {
    const fails = (at: WalletRef) => openHotkey(at).catch((error) => `${error.name} ${error.code} ${error.message}`);
    expect(await fails({ ...ref, path: join(path, 'nowhere') })).toMatch(
      /^OperatorError WALLET_NOT_FOUND .*does not exist/,
    );
    expect(await fails(ref)).toMatch(/WALLET_NOT_FOUND .*no wallets in/);
    await createWallet(ref);
    expect(await fails({ ...ref, name: 'mine' })).toMatch(/WALLET_NOT_FOUND .*wallets in .*: default/);
    expect(await fails({ ...ref, hotkey: 'x' })).toMatch(/WALLET_NOT_FOUND .*hotkeys of wallet 'default': miner\)/);
    expect(await fails({ ...ref, hotkey: '../coldkey' })).toMatch(/WALLET_BAD_NAME/);
  });

  it('names the reason for each kind of file', async () => {
    await mkdir(join(path, 'default/hotkeys'), { recursive: true });
    const opening = async (content: string | Uint8Array) => {
      await writeFile(join(path, 'default/hotkeys/miner'), content);
      return openHotkey(ref).catch((error) => error);
    };
    expect(await opening('$ANSIBLE_VAULT;1.1;AES256\n6162')).toMatchObject({
      code: 'WALLET_UNSUPPORTED',
      message: expect.stringContaining('btcli w update'),
    });
    expect(await opening('gAAAAABc')).toMatchObject({ code: 'WALLET_UNSUPPORTED' });
    expect(await opening('PK')).toMatchObject({ code: 'WALLET_INVALID' });
    expect(await opening('')).toMatchObject({ code: 'WALLET_INVALID' });
    expect(await opening(new Uint8Array(100_000))).toMatchObject({ code: 'WALLET_INVALID' });
    expect(await opening('$NACL1234')).toMatchObject({ code: 'WALLET_PASSWORD_NEEDED' });
    const truncated = openHotkey(ref, async () => new Secret('x'));
    await expect(truncated).rejects.toMatchObject({
      code: 'WALLET_INVALID',
      message: expect.stringContaining('cut off'),
    });
    const address = '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV';
    expect(await opening(JSON.stringify({ ss58Address: address }))).toMatchObject({
      code: 'WALLET_INVALID',
      message: expect.stringContaining('only the address'),
    });
  });
});

describe('the password in the environment', () => {
  it('is read by the rule of btwallet', async () => {
    const at = { name: 'default', hotkey: 'my.key', path: '/home/u/.bittensor/wallets' };
    const variable = 'BT_PW__HOME_U__BITTENSOR_WALLETS_DEFAULT_HOTKEYS_MY_KEY';
    expect(passwordVariable('/home/u/.bittensor/wallets/default/hotkeys/my.key')).toBe(variable);
    // 'abc' XOR 'BT_', by hand: 61^42 62^54 63^5f.
    expect(passwordFromEnvironment(at, 'hotkey', { [variable]: 'IzY8' })?.reveal()).toBe('abc');
    expect(obscurePassword(new Secret('abc'), '/home/u/.bittensor/wallets/default/hotkeys/my.key')).toBe('IzY8');
    expect(passwordFromEnvironment(at, 'coldkey', { [variable]: 'IzY8' })).toBeUndefined();
    expect(() => passwordFromEnvironment(at, 'hotkey', { [variable]: 'not base64!' })).toThrow(
      expect.objectContaining({ code: 'WALLET_BAD_PASSWORD_VARIABLE' }),
    );
  });
});

// Each derivation costs seconds and 512 MiB by design, so these cases share as few of them as they can.
describe('an encrypted wallet', { timeout: 180_000 }, () => {
  it('is byte for byte the file that other tools write', async () => {
    // Vector of the wallet notes, agreed on by libsodium and hash-wasm: it pins argon2i13's parameters, salt and layout.
    const plain = new TextEncoder().encode('{"ss58Address":"x"}');
    const sealed = await sealBox(plain, new Secret(' correct horse\n'), new Uint8Array(24).fill(5));
    expect(Buffer.from(sealed).toString('hex')).toBe(
      '244e41434c0505050505050505050505050505050505050505050505058f3b765ac9f7cdc5cab948ad1b16474d8962633c14106c5e547c60543963d1124e71eb',
    );
  });

  it('opens with its password only, and leaves the event loop free', async () => {
    const made = await createWallet(ref, { coldkeyPassword: new Secret('pass wörd') });
    const coldkeyFile = await readFile(join(path, 'default/coldkey'));
    expect(coldkeyFile.subarray(0, 5).toString()).toBe('$NACL');
    let longest = 0;
    let last = performance.now();
    const ticker = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const asked: string[] = [];
    const wrong = await openColdkey(ref, async (_prompt, kind) => {
      asked.push(kind);
      return new Secret('wrong');
    }).catch((error) => error);
    clearInterval(ticker);
    expect(wrong).toMatchObject({ name: 'OperatorError', code: 'WALLET_WRONG_PASSWORD' });
    expect(asked).toEqual(['coldkey']);
    expect(longest, 'the key derivation held up the main thread').toBeLessThan(1_500);
    const coldkey = await openColdkey(ref, async () => new Secret('pass wörd'));
    expect(coldkey.address).toBe(made.coldkey.address);
    expect(verifySignature(coldkey.address, message, coldkey.sign(message))).toBe(true);
  });
});
