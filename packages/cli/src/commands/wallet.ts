import { readFile } from 'node:fs/promises';
import { expandPath, secretFromEnvironment } from '@tuning/config';
import { errorCode, OperatorError, Secret } from '@tuning/kit';
import {
  createHotkey,
  createWallet,
  DEFAULT_WALLETS_PATH,
  importKey,
  type KeyKind,
  lacksColdkey,
  listWallets,
  type MnemonicWords,
  requireFree,
  type WalletRef,
} from '@tuning/wallet';
import type { Command } from 'commander';
import { askPassword } from '../password-prompt.ts';
import { jsonText } from '../text-table.ts';
import { walletTree } from '../wallet-tree.ts';

/** A mnemonic of 24 words is about 200 characters. */
const MAX_SECRET_BYTES = 4096;

interface NameOptions {
  'wallet.name': string;
  'wallet.hotkey': string;
  'wallet.path': string;
  json?: boolean;
}
interface CreateOptions extends NameOptions {
  /** Undefined: as is usual for the kind of key. */
  password?: boolean;
  nWords: string;
}

/** `tuning wallet create`, `hotkey`, `list`, `import`. */
export function addWalletCommands(program: Command): void {
  const wallet = program.command('wallet').description('make, list and restore Bittensor wallets');
  withNames(wallet.command('create'))
    .description('make a coldkey and a hotkey; an existing coldkey is kept and gets the hotkey')
    .option('--no-password', 'leave the coldkey unencrypted (devnets only)')
    .option('--n-words <n>', 'words of the mnemonics: 12, 15, 18, 21 or 24', '12')
    .action(async (options: CreateOptions) => {
      const ref = refOf(options);
      const words = wordsOf(options.nWords);
      await requireFree(ref, 'hotkey');
      const asks = options.password !== false && (await lacksColdkey(ref));
      const password = asks ? await newPassword('coldkey') : undefined;
      const made = await createWallet(ref, { words, ...(password && { coldkeyPassword: password }) });
      const { coldkey, hotkey } = made;
      const kept = coldkey.mnemonic === undefined;
      print(options, {
        json: {
          wallet: ref.name,
          coldkey: { address: coldkey.address, created: !kept },
          hotkey: { name: ref.hotkey, address: hotkey.address, created: true },
        },
        text: `coldkey ${coldkey.address}${kept ? ' (there before)' : ''}\nhotkey  ${hotkey.address}\n`,
      });
      showMnemonics([
        ['coldkey', coldkey.mnemonic],
        ['hotkey', hotkey.mnemonic],
      ]);
    });
  withNames(wallet.command('hotkey'), true)
    .description('add a hotkey to a wallet')
    .option('--password', 'encrypt it; a daemon then asks for the password at each start')
    .option('--n-words <n>', 'words of the mnemonic: 12, 15, 18, 21 or 24', '12')
    .action(async (options: CreateOptions) => {
      const ref = refOf(options);
      const words = wordsOf(options.nWords);
      await requireFree(ref, 'hotkey');
      const password = options.password ? await newPassword('hotkey') : undefined;
      const made = await createHotkey(ref, { words, ...(password && { password }) });
      print(options, {
        json: { wallet: ref.name, hotkey: { name: ref.hotkey, address: made.address, created: true } },
        text: `hotkey  ${made.address}\n`,
      });
      showMnemonics([['hotkey', made.mnemonic]]);
    });
  wallet
    .command('list')
    .description('list the wallets with their hotkeys and addresses; broken files are named')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH)
    .option('--json', 'print JSON')
    .action(async (options: Pick<NameOptions, 'wallet.path' | 'json'>) => {
      const found = await listWallets(expandPath(options['wallet.path']));
      print(options, { json: found, text: walletTree(found) });
    });
  withNames(wallet.command('import <kind>'))
    .description(
      'restore a coldkey or a hotkey from its mnemonic or seed, typed on the terminal, piped in, or in a file',
    )
    .option('--from <file>', 'file that holds the mnemonic or the seed; - reads the standard input')
    .option('--password', 'encrypt the key (a coldkey is encrypted in any case)')
    .option('--no-password', 'leave it unencrypted (a hotkey is in any case)')
    .action(async (kind: string, options: CreateOptions & { from?: string }) => {
      const key = kindOf(kind);
      const ref = refOf(options);
      await requireFree(ref, key);
      const secret = await readSecret(options.from);
      const encrypted = options.password ?? key === 'coldkey';
      const address = await importKey(ref, key, secret, encrypted ? await newPassword(key) : undefined);
      const hotkey = key === 'hotkey' ? { hotkey: ref.hotkey } : {};
      print(options, {
        json: { wallet: ref.name, ...hotkey, kind: key, address, encrypted },
        text: `${key.padEnd(7)} ${address}\n`,
      });
    });
}

function withNames(command: Command, hotkeyRequired = false): Command {
  command
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH)
    .option('--json', 'print JSON; never with the mnemonics');
  return hotkeyRequired
    ? command.requiredOption('--wallet.hotkey <name>', 'hotkey name')
    : command.option('--wallet.hotkey <name>', 'hotkey name', 'default');
}

function print({ json: wanted }: { json?: boolean }, report: { json: unknown; text: string }): void {
  process.stdout.write(wanted ? jsonText(report.json) : report.text);
}

/** Once, and on a terminal only: a pipe or a log would keep what must not be kept. */
function showMnemonics(keys: readonly (readonly [kind: KeyKind, mnemonic: Secret | undefined])[]): void {
  const lines = keys.flatMap(([kind, mnemonic]) => (mnemonic ? [`${kind.padEnd(7)} ${mnemonic.reveal()}`] : []));
  process.stderr.write(
    process.stderr.isTTY
      ? `\nWrite these words down; they are the only way back to the keys and are not shown again.\n${lines.join('\n')}\n`
      : 'the mnemonics are shown on a terminal only; the key files are all there is of these keys\n',
  );
}

/** From TUNING_WALLET_PASSWORD(_FILE), or typed twice. @throws OperatorError. */
async function newPassword(kind: KeyKind): Promise<Secret> {
  const known = secretFromEnvironment('TUNING_WALLET_PASSWORD', process.env);
  if (known) return known;
  if (!process.stdin.isTTY) {
    throw new OperatorError(
      'WALLET_PASSWORD_NEEDED',
      `the password of the new ${kind} is asked for on a terminal: start on one, set TUNING_WALLET_PASSWORD_FILE, or give --no-password on a devnet`,
    );
  }
  const first = await askPassword(`password for the new ${kind}`);
  const second = await askPassword('the same again');
  if (first.reveal() !== second.reveal()) {
    throw new OperatorError('WALLET_PASSWORDS_DIFFER', 'the two passwords differ: start again');
  }
  return first;
}

/** Never from the command line, which every user of the machine can read. */
async function readSecret(file: string | undefined): Promise<Secret> {
  if (file === undefined && process.stdin.isTTY) return askPassword('mnemonic or seed (not shown)');
  if (file === undefined || file === '-') return readInput();
  try {
    return new Secret((await readFile(expandPath(file), 'utf8')).slice(0, MAX_SECRET_BYTES));
  } catch (error) {
    throw new OperatorError('SECRET_UNREADABLE', `cannot read ${file} (${errorCode(error)}): correct --from`);
  }
}

async function readInput(): Promise<Secret> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_SECRET_BYTES) break;
  }
  return new Secret(text);
}

function kindOf(text: string): KeyKind {
  if (text === 'coldkey' || text === 'hotkey') return text;
  throw new OperatorError(
    'KIND_INVALID',
    `import coldkey or import hotkey, not "${text.slice(0, 20)}": a mnemonic or seed is asked for, never given as an argument`,
  );
}

function wordsOf(text: string): MnemonicWords {
  if (['12', '15', '18', '21', '24'].includes(text)) return Number(text) as MnemonicWords;
  throw new OperatorError('FLAG_INVALID', `--n-words must be 12, 15, 18, 21 or 24, not "${text}"`);
}

function refOf(options: NameOptions): WalletRef {
  return { name: options['wallet.name'], hotkey: options['wallet.hotkey'], path: expandPath(options['wallet.path']) };
}
