import { type Chain, connectChain } from '@tuning/chain';
import { expandPath, NETWORK_ENDPOINTS } from '@tuning/config';
import { OperatorError } from '@tuning/kit';
import { DEFAULT_WALLETS_PATH, type WalletRef } from '@tuning/wallet';
import type { Command } from 'commander';
import { chooseEndpoints } from './chain-endpoints.ts';
import { shutdownSignal } from './process-lifecycle.ts';
import { jsonText } from './text-table.ts';

export interface ChainOptions {
  netuid: string;
  endpoint: string[];
  network?: string;
  json?: boolean;
}

export interface WalletOptions {
  'wallet.name': string;
  'wallet.hotkey': string;
  'wallet.path': string;
}

/** The flags of every command that talks to a chain about one subnet. */
export function withChain(command: Command): Command {
  return withEndpoints(command.requiredOption('--netuid <n>', 'the subnet'), 'finney').option(
    '--json',
    'print JSON: amounts in RAO',
  );
}

/** The flags that choose a chain. */
export function withEndpoints(command: Command, otherwise: string): Command {
  return command
    .option(
      '--network <name>',
      `${Object.keys(NETWORK_ENDPOINTS).join(', ')} (default: BT_SUBTENSOR_CHAIN_ENDPOINT or BT_SUBTENSOR_NETWORK, else ${otherwise})`,
    )
    .option(
      '--endpoint <ws url>',
      'instead of the network name; may be repeated, the next is used when one fails',
      collect,
      [],
    );
}

export function withWallet(command: Command): Command {
  return command
    .option('--wallet.name <name>', 'wallet folder name', 'default')
    .option('--wallet.hotkey <name>', 'hotkey name', 'default')
    .option('--wallet.path <folder>', 'folder of the wallets', DEFAULT_WALLETS_PATH);
}

export function walletOf(options: WalletOptions): WalletRef {
  return { name: options['wallet.name'], hotkey: options['wallet.hotkey'], path: expandPath(options['wallet.path']) };
}

/** What a command found or did: for a program (`--json`), and for a reader. */
export interface Report {
  json: unknown;
  text: string;
}

/** Of the process: its listeners are set once. */
let stop: AbortSignal | undefined;

/**
 * Connects, works, prints the report on stdout and closes.
 * @throws OperatorError `NETWORK_UNKNOWN` | `CHAIN_BAD_ENDPOINT` | `SUBNET_NOT_FOUND` | `NETUID_INVALID`; what `work` throws.
 */
export async function onChain(
  options: ChainOptions,
  work: (args: { chain: Chain; netuid: number; signal: AbortSignal }) => Promise<Report>,
): Promise<void> {
  const netuid = wholeNumber(options.netuid, 'netuid', 65_535);
  const endpoints = chooseEndpoints({ network: options.network, endpoint: options.endpoint }, 'finney');
  stop ??= shutdownSignal();
  const signal = stop;
  const chain = await connectChain({ endpoints, signal });
  try {
    if (!(await chain.subnetExists(netuid))) {
      throw new OperatorError('SUBNET_NOT_FOUND', `the chain has no subnet ${netuid}: correct --netuid`);
    }
    const { json, text } = await work({ chain, netuid, signal });
    process.stdout.write(options.json ? jsonText(json) : text);
  } finally {
    await chain.close();
  }
}

/** @throws OperatorError `<NAME>_INVALID`. */
export function wholeNumber(text: string, name: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new OperatorError(
    `${name.toUpperCase()}_INVALID`,
    `--${name} must be a number from 0 to ${most}, not "${text}"`,
  );
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
