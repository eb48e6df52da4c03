import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHotkey, createWallet, listWallets } from '../src/index.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'wallets-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

it('lists wallets and hotkeys by name, with addresses', async () => {
  const beta = await createWallet({ name: 'beta', hotkey: 'one', path });
  const second = await createHotkey({ name: 'beta', hotkey: 'a.second', path });
  const alpha = await createWallet({ name: 'alpha', hotkey: 'default', path });
  await writeFile(join(path, 'notes.txt'), 'not a wallet');
  const fine = (address: string) => ({ address, encryption: 'none', problem: undefined });
  expect(await listWallets(path)).toEqual({
    path,
    wallets: [
      {
        name: 'alpha',
        coldkey: fine(alpha.coldkey.address),
        hotkeys: [{ name: 'default', ...fine(alpha.hotkey.address) }],
      },
      {
        name: 'beta',
        coldkey: fine(beta.coldkey.address),
        hotkeys: [
          { name: 'a.second', ...fine(second.address) },
          { name: 'one', ...fine(beta.hotkey.address) },
        ],
      },
    ],
  });
});

it('names what is wrong with each file instead of leaving it out', async () => {
  const { hotkey } = await createWallet({ name: 'w', hotkey: 'good', path });
  const keys = join(path, 'w', 'hotkeys');
  const publicText = await readFile(join(keys, 'goodpub.txt'), 'utf8');
  const write = (name: string, text: string) => writeFile(join(keys, name), text, { mode: 0o600 });
  await write('ansible', '$ANSIBLE_VAULT;1.1;AES256\n6162');
  await write('ansiblepub.txt', publicText);
  await write('fernet', 'gAAAAABc');
  await write('sealed', '$NACL12345');
  await write('torn', '{"secretPhrase": "one tw');
  await write('odd', 'PK');
  await write('watched', publicText);
  await write('publicpub.txt', publicText);
  await write('another', await readFile(join(path, 'w', 'coldkey'), 'utf8'));
  await write('anotherpub.txt', publicText);
  await write('open', await readFile(join(keys, 'good'), 'utf8'));
  await chmod(join(keys, 'open'), 0o644);
  await rm(join(path, 'w', 'coldkey'));
  await rm(join(path, 'w', 'coldkeypub.txt'));
  await mkdir(join(path, 'empty'));
  const { wallets } = await listWallets(path);
  expect(wallets[0]).toEqual({
    name: 'empty',
    coldkey: { address: undefined, encryption: undefined, problem: 'there is no such key' },
    hotkeys: [],
  });
  const found = Object.fromEntries(wallets[1]!.hotkeys.map((row) => [row.name, row]));
  const { address } = hotkey;
  expect(found).toMatchObject({
    good: { address, encryption: 'none', problem: undefined },
    ansible: { address, encryption: 'ansible', problem: expect.stringMatching(/Ansible Vault.*tuning wallet import/) },
    fernet: { address: undefined, encryption: 'fernet', problem: expect.stringContaining('Fernet') },
    sealed: { address: undefined, encryption: 'nacl', problem: expect.stringContaining('sealedpub.txt is missing') },
    torn: { address: undefined, encryption: 'none', problem: expect.stringContaining('is not a JSON key file') },
    odd: { encryption: 'unknown', problem: expect.stringContaining('not a Bittensor key file') },
    watched: { address, problem: expect.stringContaining('cannot sign') },
    public: { address, encryption: undefined, problem: undefined },
    another: { problem: expect.stringContaining('anotherpub.txt names another key') },
    open: { address, problem: expect.stringContaining('chmod 600') },
  });
  expect(JSON.stringify(wallets)).not.toContain('one tw');
});

it('says so where there is no such folder', async () => {
  await expect(listWallets(join(path, 'nowhere'))).rejects.toMatchObject({
    name: 'OperatorError',
    code: 'WALLET_NOT_FOUND',
    message: expect.stringContaining('tuning wallet create'),
  });
});
