import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@tuning/kit';
import { createWallet, openColdkey, openHotkey, readColdkeyAddress, verifySignature } from '@tuning/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEWEST, runScript, TEN } from './python.ts';

const PASSWORD = 'correct horse';
const MESSAGE = new TextEncoder().encode('signed by the official wallet');
const password = async () => new Secret(PASSWORD);
const signed = ({ address, signature }: { address: string; signature: string }) =>
  verifySignature(address, MESSAGE, Buffer.from(signature, 'hex'));

describe.skipIf(!TEN.python && !NEWEST.python)('key files and the official wallets', () => {
  let path: string;
  const ours = () => ({ path, name: 'ours', hotkey: 'miner' });
  beforeAll(async () => {
    path = mkdtempSync(join(tmpdir(), 'interop-'));
    await createWallet(ours(), { coldkeyPassword: new Secret(PASSWORD) });
  });
  afterAll(() => rmSync(path, { recursive: true, force: true }));

  for (const venv of [TEN, NEWEST]) {
    it.skipIf(!venv.python)(`opens ours with the wallet of ${venv.label}`, { concurrent: true }, async () => {
      const found = await runScript(venv, 'wallet.py', ['open', path, PASSWORD]);
      const hotkey = await openHotkey(ours());
      expect(found.hotkeypub).toBe(hotkey.address);
      expect(found.hotkey.address).toBe(hotkey.address);
      expect(signed(found.hotkey)).toBe(true);
      expect(found.coldkeypub).toBe(await readColdkeyAddress(ours()));
      expect(found.coldkey.address).toBe(found.coldkeypub);
      expect(signed(found.coldkey)).toBe(true);
    });

    it.skipIf(!venv.python)(
      `opens with ours what the wallet of ${venv.label} writes`,
      { concurrent: true },
      async () => {
        const folder = join(path, venv.label.replaceAll(' ', '-'));
        const found = await runScript(venv, 'wallet.py', ['create', folder, PASSWORD]);
        const theirs = { path: folder, name: 'theirs', hotkey: 'miner' };
        const hotkey = await openHotkey(theirs);
        expect(hotkey.address).toBe(found.hotkey.address);
        expect(verifySignature(hotkey.address, MESSAGE, hotkey.sign(MESSAGE))).toBe(true);
        expect(
          readFileSync(join(folder, 'theirs', 'coldkey'))
            .subarray(0, 5)
            .toString(),
        ).toBe('$NACL');
        expect(await readColdkeyAddress(theirs)).toBe(found.coldkeypub);
        const coldkey = await openColdkey(theirs, password);
        expect(coldkey.address).toBe(found.coldkeypub);
        expect(verifySignature(coldkey.address, MESSAGE, coldkey.sign(MESSAGE))).toBe(true);
        coldkey.forget();
        await expect(openHotkey({ ...theirs, hotkey: 'odd' })).rejects.toMatchObject({ code: 'WALLET_UNSUPPORTED' });
      },
    );
  }
});
