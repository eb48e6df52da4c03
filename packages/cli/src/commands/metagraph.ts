import type { Metagraph, Neuron } from '@tuning/chain';
import type { Command } from 'commander';
import { type ChainOptions, onChain, type Report, withChain } from '../chain-command.ts';
import { taoText } from '../tao-amount.ts';
import { textTable } from '../text-table.ts';

/** `tuning metagraph`: the neurons of a subnet. */
export function addMetagraphCommand(program: Command): void {
  withChain(program.command('metagraph'))
    .description('list the neurons of a subnet')
    .action((options: ChainOptions) =>
      onChain(options, async ({ chain, netuid }) => metagraphReport(await chain.metagraph(netuid))),
    );
}

export function metagraphReport({ netuid, block, neurons }: Metagraph): Report {
  const table = textTable<Neuron>(
    [
      { title: 'UID', value: ({ uid }) => uid },
      { title: 'HOTKEY', value: ({ hotkey }) => hotkey },
      { title: 'STAKE', value: ({ stake }) => taoText(stake, 3) },
      { title: 'INCENTIVE', value: ({ incentive }) => incentive.toFixed(5) },
      { title: 'PERMIT', value: ({ validatorPermit }) => validatorPermit },
      { title: 'ACTIVE', value: ({ active }) => active },
      { title: 'UPDATED', value: ({ lastUpdate }) => block.number - lastUpdate },
      { title: 'AXON', value: ({ axon }) => (axon ? addressText(axon) : '-') },
      { title: 'KEY', value: ({ peerKey }) => peerKey !== undefined },
    ],
    neurons,
  );
  const head = `subnet ${netuid} at block ${block.number}: ${neurons.length} neurons (UPDATED: blocks ago)\n`;
  return { json: { netuid, block, neurons }, text: head + table };
}

/** `1.2.3.4:80`, `[::1]:80`; no address but a port: the neuron calls others and cannot be called. */
export function addressText({ ip, port }: { ip: string; port: number }): string {
  if (ip === '0.0.0.0' || ip === '::') return 'no address';
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
