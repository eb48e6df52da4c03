import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHotkey } from '@tuning/wallet';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { addWalletCommands } from '../src/commands/wallet.ts';

/** A well-known development phrase and the address of its key without derivation. */
const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const ADDRESS = '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-wallets-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** Runs one command line and gives what it wrote. */
async function wallet(line: string, terminal = false): Promise<{ stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written[stream] += String(chunk);
      return true;
    });
  }
  const before = process.stderr.isTTY;
  process.stderr.isTTY = terminal;
  const program = new Command().exitOverride();
  addWalletCommands(program);
  try {
    await program.parseAsync(['wallet', ...line.split(' '), '--wallet.path', folder], { from: 'user' });
  } finally {
    process.stderr.isTTY = before;
    vi.restoreAllMocks();
  }
  return written;
}
const refused = (code: string) => expect.objectContaining({ name: 'OperatorError', code });

it('shows the mnemonics once and on a terminal only, never in JSON', async () => {
  const seen = await wallet('create --wallet.name a --no-password --n-words 24', true);
  const words = [...seen.stderr.matchAll(/^(coldkey|hotkey) +((?:[a-z]+ ?){24})$/gm)];
  expect(words.map(([, kind]) => kind)).toEqual(['coldkey', 'hotkey']);
  expect(seen.stdout).toMatch(/^coldkey 5\w{47}\nhotkey {2}5\w{47}\n$/);
  const quiet = await wallet('create --wallet.name b --no-password --json');
  const made = JSON.parse(quiet.stdout);
  expect(made).toEqual({
    wallet: 'b',
    coldkey: { address: expect.stringMatching(/^5/), created: true },
    hotkey: { name: 'default', address: expect.stringMatching(/^5/), created: true },
  });
  const { secretPhrase } = JSON.parse(await readFile(join(folder, 'b/hotkeys/default'), 'utf8'));
  expect(quiet.stdout + quiet.stderr).not.toContain(secretPhrase);
  expect(quiet.stderr).toContain('on a terminal only');
});

it('never overwrites: a wallet that exists gets a further hotkey, and its coldkey stays', async () => {
  await wallet('create --wallet.name a --no-password');
  const before = await readFile(join(folder, 'a/coldkey'), 'utf8');
  await expect(wallet('create --wallet.name a --no-password')).rejects.toEqual(refused('WALLET_EXISTS'));
  // No password is asked for, since no coldkey is made.
  expect((await wallet('create --wallet.name a --wallet.hotkey second')).stdout).toContain('(there before)');
  expect((await wallet('hotkey --wallet.name a --wallet.hotkey third')).stdout).toMatch(/^hotkey {2}5/);
  expect(await readFile(join(folder, 'a/coldkey'), 'utf8')).toBe(before);
  await expect(wallet('create --wallet.name n --n-words 13')).rejects.toEqual(refused('FLAG_INVALID'));
  await expect(wallet('create --wallet.name n')).rejects.toEqual(refused('WALLET_PASSWORD_NEEDED'));
});

it('imports from a file, and takes no secret as an argument', async () => {
  const file = join(folder, 'words');
  await writeFile(file, `${PHRASE.toUpperCase()}\n`);
  const line = `import hotkey --wallet.name a --wallet.hotkey h --from ${file}`;
  expect((await wallet(line)).stdout).toBe(`hotkey  ${ADDRESS}\n`);
  expect((await openHotkey({ name: 'a', hotkey: 'h', path: folder })).address).toBe(ADDRESS);
  await expect(wallet(line)).rejects.toEqual(refused('WALLET_EXISTS'));
  const cold = `import coldkey --wallet.name a --no-password --json --from ${file}`;
  expect(JSON.parse((await wallet(cold)).stdout)).toEqual({
    wallet: 'a',
    kind: 'coldkey',
    address: ADDRESS,
    encrypted: false,
  });
  const typed = await wallet('import bottom').catch((error) => error);
  expect(typed).toEqual(refused('KIND_INVALID'));
  expect(typed.message).toContain('never given as an argument');
  await expect(wallet(`import hotkey --wallet.name z --from ${folder}/none`)).rejects.toEqual(
    refused('SECRET_UNREADABLE'),
  );
  await writeFile(file, 'bottom drive');
  await expect(wallet(`import hotkey --wallet.name z --from ${file}`)).rejects.toEqual(refused('WALLET_BAD_MNEMONIC'));
});

it('draws the wallets as a tree and names broken files with the reason', async () => {
  expect((await wallet('list')).stdout).toBe(`no wallets in ${folder}; make one with: tuning wallet create\n`);
  await wallet('create --wallet.name a --no-password');
  await wallet('create --wallet.name b --no-password');
  await mkdir(join(folder, 'b/hotkeys'), { recursive: true });
  await writeFile(join(folder, 'b/hotkeys/old\u001b[2J'), '$ANSIBLE_VAULT;1.1;AES256\n6162', { mode: 0o600 });
  const { stdout } = await wallet('list');
  const shape = stdout.replaceAll(/5[1-9A-HJ-NP-Za-km-z]{47}/g, '5…');
  expect(shape.split('\n').slice(0, 6)).toEqual([
    folder,
    '├── a',
    '│   ├── coldkey         5…  not encrypted',
    '│   └── hotkey default  5…  not encrypted',
    '└── b',
    '    ├── coldkey              5…  not encrypted',
  ]);
  expect(stdout).toMatch(/hotkey old\\u001b\[2J {2}- {2}encrypted \(Ansible Vault\)\n +! .*tuning wallet import/);
  const json = JSON.parse((await wallet('list --json')).stdout);
  expect(json.wallets[1].hotkeys[1]).toEqual({
    name: 'old\u001b[2J',
    encryption: 'ansible',
    problem: expect.stringContaining('Ansible Vault'),
  });
});
