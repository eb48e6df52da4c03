import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Secret } from '@tuning/kit';
import { createWallet, openColdkey, openHotkey, readColdkeyAddress, verifySignature } from '@tuning/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEWEST, runScript, TEN } from './python.ts';

const PASSWORD = 'correct horse';
const MESSAGE = new TextEncoder().encode('signed by the official wallet');
const password = async () => new Secret(PASSWORD);
const TUNING = fileURLToPath(new URL('../../packages/cli/bin/tuning.js', import.meta.url));

/** Runs `tuning wallet import` as an operator's script would: the secret comes by a pipe. */
function importByPipe(args: readonly string[], secret: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [TUNING, 'wallet', 'import', ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], TUNING_WALLET_PASSWORD: PASSWORD },
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  child.stdin.end(secret);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

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
      const found = await runScript(venv, 'wallet.py', ['open', path, PASSWORD, 'ours']);
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

    it.skipIf(!venv.python)(
      `imports the same mnemonic and seed to the same keys as the wallet of ${venv.label}, and it opens the files`,
      { concurrent: true },
      async () => {
        const folder = join(path, `import-${venv.label.replaceAll(' ', '-')}`);
        mkdirSync(folder);
        const source = join(path, 'ours', 'hotkeys');
        const { secretPhrase, secretSeed } = JSON.parse(readFileSync(join(source, 'miner'), 'utf8'));
        writeFileSync(join(folder, 'mnemonic'), secretPhrase);
        writeFileSync(join(folder, 'seed'), secretSeed);
        const at = ['--wallet.path', folder, '--wallet.name', 'imported', '--wallet.hotkey', 'miner'];
        const [official, coldkey, hotkey] = await Promise.all([
          runScript(venv, 'wallet.py', ['regen', folder, PASSWORD]),
          // Encrypted with the password of the environment, as a coldkey is unless told otherwise.
          importByPipe(['coldkey', ...at], secretPhrase),
          importByPipe(['hotkey', ...at], secretSeed),
        ]);
        expect([coldkey, hotkey]).toEqual([
          { code: 0, stderr: '' },
          { code: 0, stderr: '' },
        ]);
        const opened = await runScript(venv, 'wallet.py', ['open', folder, PASSWORD, 'imported']);
        expect(opened.coldkeypub).toBe(official.coldkeypub);
        expect(opened.coldkey.address).toBe(official.coldkeypub);
        expect(opened.hotkey.address).toBe(official.hotkey.address);
        expect([opened.coldkey, opened.hotkey, official.hotkey].map(signed)).toEqual([true, true, true]);
        const theirs = { path: folder, name: 'regen', hotkey: 'miner' };
        expect((await openHotkey(theirs)).address).toBe(official.hotkey.address);
        expect((await openColdkey(theirs)).address).toBe(official.coldkeypub);
        const again = await importByPipe(['hotkey', ...at], secretSeed);
        expect(again).toMatchObject({ code: 78, stderr: expect.stringMatching(/^WALLET_EXISTS: [^\n]+\n$/) });
      },
    );
  }
});
