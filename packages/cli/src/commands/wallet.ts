import { expandPath } from '@tuning/config';
import { OperatorError, type Secret } from '@tuning/kit';
import { createHotkey, createWallet, DEFAULT_WALLETS_PATH } from '@tuning/wallet';
import type { Command } from 'commander';
import { askPassword } from '../password-prompt.ts';

/** `tuning wallet create`, `tuning wallet hotkey`. */
export function addWalletCommands(program: Command): void {
  const wallet = program.command('wallet').description('make Bittensor wallets (coldkey and hotkey files)');
  wallet
    .command('create')
    .description('make a coldkey and a hotkey; their mnemonics are shown on a terminal only')
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .option('--wallet.hotkey <name>', 'hotkey name', 'default')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH)
    .option('--no-password', 'leave the coldkey unencrypted (devnets only)')
    .action(async (options: Record<string, string> & { password: boolean }) => {
      const password = options.password ? await newPassword() : undefined;
      const made = await createWallet(refOf(options), password ? { coldkeyPassword: password } : {});
      process.stdout.write(`coldkey ${made.coldkey.address}\nhotkey  ${made.hotkey.address}\n`);
      showMnemonics([made.coldkey, made.hotkey]);
    });
  wallet
    .command('hotkey')
    .description('add a hotkey to a wallet; its mnemonic is shown on a terminal only')
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .requiredOption('--wallet.hotkey <name>', 'hotkey name')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH)
    .action(async (options: Record<string, string>) => {
      const made = await createHotkey(refOf(options));
      process.stdout.write(`hotkey  ${made.address}\n`);
      showMnemonics([made]);
    });
}

/** On a terminal only: a pipe or a log would keep what must not be kept. */
function showMnemonics(keys: readonly { mnemonic: Secret | undefined }[]): void {
  const words = keys.flatMap(({ mnemonic }) => (mnemonic ? [mnemonic.reveal()] : []));
  if (process.stdout.isTTY)
    process.stdout.write(
      `\nWrite these words down; they are the only way back to the keys and are not shown again.\n${words.join('\n')}\n`,
    );
  else
    process.stderr.write('the mnemonics are shown on a terminal only; the key files are all there is of these keys\n');
}

async function newPassword() {
  if (!process.stdin.isTTY)
    throw new OperatorError(
      'WALLET_PASSWORD_NEEDED',
      'the password of the new coldkey is asked for on a terminal: start on one, or give --no-password on a devnet',
    );
  const first = await askPassword('password for the new coldkey');
  const second = await askPassword('the same again');
  if (first.reveal() !== second.reveal())
    throw new OperatorError('WALLET_PASSWORDS_DIFFER', 'the two passwords differ: start again');
  return first;
}

function refOf(options: Record<string, string>) {
  return {
    name: options['wallet.name'] ?? 'default',
    hotkey: options['wallet.hotkey'] ?? 'default',
    path: expandPath(options['wallet.path'] ?? DEFAULT_WALLETS_PATH),
  };
}
