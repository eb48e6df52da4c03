import { expandPath } from '@tuning/config';
import { createHotkey, createWallet, DEFAULT_WALLETS_PATH } from '@tuning/wallet';
import type { Command } from 'commander';
import { askPassword } from '../password-prompt.ts';

/** `tuning wallet create`, `tuning wallet hotkey`. */
export function addWalletCommands(program: Command): void {
  const wallet = program.command('wallet').description('make Bittensor wallets (coldkey and hotkey files)');
  wallet
    .command('create')
    .description('make a coldkey and a hotkey')
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .option('--wallet.hotkey <name>', 'hotkey name', 'default')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH)
    .option('--no-password', 'leave the coldkey unencrypted (devnets only)')
    .action(async (options: Record<string, string> & { password: boolean }) => {
      const password = options.password ? await newPassword() : undefined;
      const made = await createWallet(refOf(options), password ? { coldkeyPassword: password } : {});
      process.stdout.write(`coldkey ${made.coldkey.address}\nhotkey  ${made.hotkey.address}\n`);
      if (process.stdout.isTTY) {
        const words = [made.coldkey, made.hotkey].flatMap(({ mnemonic }) => (mnemonic ? [mnemonic.reveal()] : []));
        process.stdout.write(
          `\nWrite these words down; they are the only way back to the keys and are not shown again.\n${words.join('\n')}\n`,
        );
      }
    });
  wallet
    .command('hotkey')
    .description('add a hotkey to a wallet')
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .requiredOption('--wallet.hotkey <name>', 'hotkey name')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH)
    .action(async (options: Record<string, string>) => {
      const made = await createHotkey(refOf(options));
      process.stdout.write(`hotkey  ${made.address}\n`);
    });
}

async function newPassword() {
  if (!process.stdin.isTTY)
    throw new Error('a coldkey password is asked for on a terminal; give --no-password on a devnet');
  const first = await askPassword('password for the new coldkey');
  const second = await askPassword('the same again');
  if (first.reveal() !== second.reveal()) throw new Error('the two passwords differ');
  return first;
}

function refOf(options: Record<string, string>) {
  return {
    name: options['wallet.name'] ?? 'default',
    hotkey: options['wallet.hotkey'] ?? 'default',
    path: expandPath(options['wallet.path'] ?? DEFAULT_WALLETS_PATH),
  };
}
