import { type Chain, connectChain } from '@tuning/chain';
import { devAccount, setUpSubnet } from '@tuning/devnet';
import { errorMessage, isTuningError, OperatorError } from '@tuning/kit';
import { openHotkey, readColdkeyAddress } from '@tuning/wallet';
import type { Command } from 'commander';
import {
  type ChainOptions,
  onChain,
  type Report,
  type WalletOptions,
  walletOf,
  withChain,
  withEndpoints,
  withWallet,
} from '../chain-command.ts';
import { chooseEndpoints } from '../chain-endpoints.ts';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { parseTao, taoText } from '../tao-amount.ts';
import { jsonText } from '../text-table.ts';
import { passwordSource } from '../wallet-password.ts';

const MOST_TAO = '100000';

interface DevOptions extends WalletOptions {
  endpoint: string[];
  network?: string;
  json?: boolean;
}

/** `tuning subnet`: the rules of a subnet. `create` and `fund`: for devnets and localnets, whose sudo is //Alice. */
export function addSubnetCommands(program: Command): void {
  const subnet = program.command('subnet').description('show a subnet’s rules; make and fund one on a devnet');
  withChain(subnet.command('show', { isDefault: true }))
    .description('show a subnet’s rules, its price and its next epoch')
    .action((options: ChainOptions) => onChain(options, ({ chain, netuid }) => subnetReport(chain, netuid)));
  withDevnet(subnet.command('create'))
    .description('on a devnet: make a subnet whose owner hotkey, and so its first validator, is this wallet’s hotkey')
    .option('--tempo <blocks>', 'blocks per epoch', '20')
    .option('--commit-reveal', 'weights are committed and revealed, as on live subnets', false)
    .action(async (options: DevOptions & { tempo: string; commitReveal: boolean }) => {
      const tempo = wholeNumber('--tempo', options.tempo, { min: 1, max: 65_534 });
      const [endpoint] = devEndpoints(options);
      const wallet = walletOf(options);
      const hotkey = await openHotkey(wallet, passwordSource(wallet));
      const coldkey = await readColdkeyAddress(wallet);
      const made = await setUpSubnet({
        endpoint: await reachable(endpoint!),
        ownerHotkey: { address: hotkey.address },
        tempo,
        commitReveal: options.commitReveal,
        fund: [coldkey],
      }).catch(asOperatorError('SUBNET_SETUP_FAILED', `the subnet was not made at ${endpoint}`));
      process.stdout.write(
        options.json
          ? jsonText({ netuid: made.netuid, ownerHotkey: hotkey.address, funded: coldkey })
          : `netuid ${made.netuid}\nowner hotkey ${hotkey.address}\n`,
      );
    });
  withDevnet(subnet.command('fund'))
    .description('on a devnet: send TAO from //Alice to the wallet’s coldkey')
    .option('--amount <TAO>', 'how much', '100')
    .action(async (options: DevOptions & { amount: string }) => {
      const amount = parseTao(options.amount);
      if (amount <= 0n || amount > parseTao(MOST_TAO)) {
        throw new OperatorError(
          'AMOUNT_INVALID',
          `--amount must be above 0 and at most ${MOST_TAO} TAO, not "${options.amount}"`,
        );
      }
      const endpoints = devEndpoints(options);
      const to = await readColdkeyAddress(walletOf(options));
      const chain = await connectChain({ endpoints, signal: shutdownSignal() });
      try {
        const from = await devAccount('//Alice');
        const block = await chain.transfer({ from, to, amount });
        const balance = await chain.balance(to);
        process.stdout.write(
          options.json ? jsonText({ to, amount, block, balance }) : `sent ${taoText(amount)} TAO to ${to}\n`,
        );
      } finally {
        await chain.close();
      }
    });
}

function withDevnet(command: Command): Command {
  return withWallet(withEndpoints(command, 'local')).option('--json', 'print JSON: amounts in RAO');
}

/** A devnet on this machine unless something else is named. */
function devEndpoints({ network, endpoint }: DevOptions): string[] {
  return chooseEndpoints({ network, endpoint }, 'local');
}

/** setUpSubnet's own client would try for ever and print each failure. */
async function reachable(endpoint: string): Promise<string> {
  const chain = await connectChain({ endpoints: [endpoint] });
  await chain.close();
  return endpoint;
}

/** What goes wrong on somebody's chain is one line for the operator, never a stack trace. */
function asOperatorError(code: string, what: string) {
  return (error: unknown): never => {
    if (isTuningError(error)) throw error;
    throw new OperatorError(code, `${what}: ${errorMessage(error)}`, { cause: error });
  };
}

async function subnetReport(chain: Chain, netuid: number): Promise<Report> {
  const [rules, price, epochs, { neurons, block }] = await Promise.all([
    chain.hyperparameters(netuid),
    chain.burn(netuid),
    chain.epochs(netuid),
    chain.metagraph(netuid),
  ]);
  const validators = neurons.filter(({ validatorPermit }) => validatorPermit).length;
  const form = rules.commitRevealEnabled
    ? `by commit-reveal, revealed after ${epochs.revealPeriod} ${epochs.revealPeriod === 1 ? 'epoch' : 'epochs'}`
    : 'in the open';
  const next = Number.isFinite(epochs.nextStart)
    ? `block ${epochs.nextStart}, in ${epochs.nextStart - epochs.block} blocks`
    : 'never (tempo 0)';
  const lines: [string, string][] = [
    [
      'chain',
      `${chain.specName} ${chain.specVersion}, block ${block.number}, a block each ${Math.round(chain.blockTimeMs)} ms`,
    ],
    [
      'neurons',
      `${neurons.length} of ${rules.maxUids}, ${validators} with a validator permit (at most ${rules.maxValidators})`,
    ],
    ['registration', rules.registrationAllowed ? `open, costs ${taoText(price)} TAO now` : 'closed'],
    ['immunity', `${rules.immunityPeriod} blocks`],
    ['epoch', `${epochs.epoch}, of ${rules.tempo} blocks; the next at ${next}`],
    [
      'weights',
      `${form}; each ${rules.weightsRateLimit} blocks, at least ${rules.minAllowedWeights}, version key ${rules.weightsVersionKey}`,
    ],
    ['axons', `may change each ${rules.servingRateLimit} blocks`],
  ];
  return {
    json: {
      netuid,
      block,
      specVersion: chain.specVersion,
      neurons: neurons.length,
      validators,
      price,
      ...rules,
      epochs,
    },
    text: `subnet ${netuid}\n${lines.map(([name, value]) => `  ${name.padEnd(14)}${value}\n`).join('')}`,
  };
}
