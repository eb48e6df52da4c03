import { type Chain, connectChain } from '@tuning/chain';
import { expandPath, NETWORK_ENDPOINTS } from '@tuning/config';
import { BadInputError, OperatorError } from '@tuning/kit';
import { DEFAULT_WALLETS_PATH, type WalletRef } from '@tuning/wallet';
import type { Command } from 'commander';
import { shutdownSignal } from './process-lifecycle.ts';
import { jsonText } from './text-table.ts';

export interface ChainOptions {
  netuid: string;
  endpoint: string[];
  network: string;
  json?: boolean;
}

export interface WalletOptions {
  'wallet.name': string;
  'wallet.hotkey': string;
  'wallet.path': string;
}

/** The flags of every command that talks to a chain about one subnet. */
export function withChain(command: Command): Command {
  return command
    .requiredOption('--netuid <n>', 'the subnet')
    .option(
      '--network <name>',
      `${Object.keys(NETWORK_ENDPOINTS).join(', ')}`,
      process.env['BT_SUBTENSOR_NETWORK'] ?? 'finney',
    )
    .option(
      '--endpoint <ws url>',
      'instead of the network name; may be repeated, the first that answers is used',
      collect,
      [],
    )
    .option('--json', 'print JSON: amounts in RAO');
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
 * @throws OperatorError `NETWORK_UNKNOWN` | `SUBNET_NOT_FOUND`; BadInputError `NETUID_INVALID`; what `work` throws.
 */
export async function onChain(
  options: ChainOptions,
  work: (args: { chain: Chain; netuid: number; signal: AbortSignal }) => Promise<Report>,
): Promise<void> {
  const netuid = wholeNumber(options.netuid, 'netuid', 65_535);
  const known = NETWORK_ENDPOINTS[options.network];
  const fromEnvironment = process.env['BT_SUBTENSOR_CHAIN_ENDPOINT'];
  const given = options.endpoint.length > 0 || !fromEnvironment ? options.endpoint : [fromEnvironment];
  const endpoints = given.length > 0 ? given : [known ?? ''];
  if (given.length === 0 && known === undefined) {
    const names = Object.keys(NETWORK_ENDPOINTS).join(', ');
    throw new OperatorError(
      'NETWORK_UNKNOWN',
      `"${options.network}" is not a network: use ${names}, or give --endpoint`,
    );
  }
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

/** @throws BadInputError `<NAME>_INVALID`. */
export function wholeNumber(text: string, name: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new BadInputError(
    `${name.toUpperCase()}_INVALID`,
    `--${name} must be a number from 0 to ${most}, not "${text}"`,
  );
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
