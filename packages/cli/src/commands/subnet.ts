import { connectChain } from '@tuning/chain';
import { expandPath } from '@tuning/config';
import { devAccount, setUpSubnet } from '@tuning/devnet';
import { BadInputError } from '@tuning/kit';
import { openHotkey, readColdkeyAddress } from '@tuning/wallet';
import type { Command } from 'commander';
import { wholeNumber } from '../number-flag.ts';

const RAO_PER_TAO = 1_000_000_000;

interface SubnetOptions {
  endpoint: string;
  'wallet.name': string;
  'wallet.hotkey': string;
  'wallet.path': string;
}

/** `tuning subnet create`, `tuning subnet fund`: for devnets and localnets, whose sudo and treasury is //Alice. */
export function addSubnetCommands(program: Command): void {
  const subnet = program.command('subnet').description('make and fund a subnet on a devnet (needs //Alice)');
  withWallet(subnet.command('create'))
    .description('make a subnet whose owner hotkey, and so its first validator, is this wallet’s hotkey')
    .option('--tempo <blocks>', 'blocks per epoch', '20')
    .action(async (options: SubnetOptions & { tempo: string }) => {
      const tempo = wholeNumber('--tempo', options.tempo, { min: 1, max: 65_534 });
      const hotkey = await openHotkey(walletOf(options));
      const made = await setUpSubnet({
        endpoint: options.endpoint,
        ownerHotkey: { address: hotkey.address },
        tempo,
        fund: [await readColdkeyAddress(walletOf(options))],
      });
      process.stdout.write(`netuid ${made.netuid}\nowner hotkey ${hotkey.address}\n`);
      process.exit(0);
    });
  withWallet(subnet.command('fund'))
    .description('send TAO from //Alice to the wallet’s coldkey')
    .option('--amount <TAO>', 'how much', '100')
    .action(async (options: SubnetOptions & { amount: string }) => {
      const amount = Number(options.amount);
      if (!(amount > 0 && amount <= 100_000))
        throw new BadInputError('AMOUNT_INVALID', `--amount must be between 0 and 100000 TAO, not "${options.amount}"`);
      const to = await readColdkeyAddress(walletOf(options));
      const chain = await connectChain({ endpoints: [options.endpoint] });
      await chain.transfer({ from: await devAccount('//Alice'), to, amount: BigInt(Math.round(amount * RAO_PER_TAO)) });
      process.stdout.write(`sent ${amount} TAO to ${to}\n`);
      await chain.close();
      process.exit(0);
    });
}

function withWallet(command: Command): Command {
  return command
    .option('--endpoint <ws url>', 'devnet node', 'ws://127.0.0.1:9944')
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .option('--wallet.hotkey <name>', 'hotkey name', 'default')
    .option('--wallet.path <folder>', 'folder of the wallets', '~/.bittensor/wallets');
}

function walletOf(options: SubnetOptions) {
  return { name: options['wallet.name'], hotkey: options['wallet.hotkey'], path: expandPath(options['wallet.path']) };
}
