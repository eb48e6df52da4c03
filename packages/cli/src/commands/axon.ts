import { join } from 'node:path';
import type { Neuron } from '@tuning/chain';
import { dataDirOf, expandPath } from '@tuning/config';
import { OperatorError } from '@tuning/kit';
import { ROLE, type Role, WIRE_VERSION } from '@tuning/neuron';
import { loadPeerIdentity } from '@tuning/p2p';
import { openHotkey } from '@tuning/wallet';
import type { Command } from 'commander';
import {
  type ChainOptions,
  onChain,
  type WalletOptions,
  walletOf,
  wholeNumber,
  withChain,
  withWallet,
} from '../chain-command.ts';
import { textTable } from '../text-table.ts';
import { passwordSource } from '../wallet-password.ts';
import { addressText } from './metagraph.ts';

interface SetOptions extends ChainOptions, WalletOptions {
  role: string;
  ip: string;
  port: string;
  identity?: string;
}

/** `tuning axon`, `tuning axon set`. */
export function addAxonCommands(program: Command): void {
  const axon = program.command('axon').description('show and publish addresses and transport keys');
  withChain(axon.command('list', { isDefault: true }))
    .description('list the neurons that publish an address or a key')
    .option('--hotkey <ss58>', 'only this one')
    .action((options: ChainOptions & { hotkey?: string }) =>
      onChain(options, async ({ chain, netuid }) => {
        const { neurons } = await chain.metagraph(netuid);
        const rows = neurons.filter(
          ({ hotkey, axon, peerKey }) =>
            (axon || peerKey) && (options.hotkey === undefined || hotkey === options.hotkey),
        );
        return {
          json: rows.map(({ uid, hotkey, axon, peerKey }) => ({ uid, hotkey, axon, peerKey })),
          text: rows.length > 0 ? axonTable(rows) : `nobody serves on subnet ${netuid}\n`,
        };
      }),
    );
  withWallet(withChain(axon.command('set')))
    .description('publish the hotkey’s address and the key of its daemon (the daemons do this themselves)')
    .requiredOption('--role <miner|validator>', 'which daemon runs with this hotkey')
    .requiredOption('--ip <address>', 'where others reach it; 0.0.0.0 publishes the key alone')
    .requiredOption('--port <port>', 'its port')
    .option('--identity <file>', 'the daemon’s key file; default the one in its data folder')
    .action(async (options: SetOptions) => {
      const role = roleOf(options.role);
      const port = wholeNumber(options.port, 'port', 65_535);
      const wallet = walletOf(options);
      const hotkey = await openHotkey(wallet, passwordSource(wallet));
      await onChain(options, async ({ chain, netuid, signal }) => {
        const folder = dataDirOf(role, { data_dir: undefined, wallet, netuid });
        const file =
          options.identity === undefined ? join(folder, 'p2p', 'identity.key') : expandPath(options.identity);
        const { certificate, peerId } = await loadPeerIdentity(file);
        const { block, changed } = await chain.serve(
          {
            netuid,
            hotkey,
            ip: options.ip,
            port,
            certificate,
            version: WIRE_VERSION,
            placeholder1: WIRE_VERSION,
            placeholder2: ROLE[role],
          },
          { signal },
        );
        const where = addressText({ ip: options.ip, port });
        return {
          json: { netuid, hotkey: hotkey.address, ip: options.ip, port, peerId, block, changed },
          text: changed
            ? `block ${block.number}: ${hotkey.address} serves at ${where} as ${peerId}\n`
            : `the chain holds ${where} and ${peerId} for ${hotkey.address} already\n`,
        };
      });
    });
}

function axonTable(rows: readonly Neuron[]): string {
  return textTable<Neuron>(
    [
      { title: 'UID', value: ({ uid }) => uid },
      { title: 'HOTKEY', value: ({ hotkey }) => hotkey },
      { title: 'ADDRESS', value: ({ axon }) => (axon ? addressText(axon) : '-') },
      { title: 'VERSION', value: ({ axon }) => axon?.version ?? '-' },
      { title: 'ROLE', value: ({ axon }) => roleName(axon?.placeholder2) },
      { title: 'KEY', value: ({ peerKey }) => (peerKey ? Buffer.from(peerKey).toString('hex') : '-') },
    ],
    rows,
  );
}

function roleOf(text: string): Role {
  if (text === 'miner' || text === 'validator') return text;
  throw new OperatorError('ROLE_INVALID', `--role must be miner or validator, not "${text}"`);
}

function roleName(number: number | undefined): string {
  return Object.entries(ROLE).find(([, value]) => value === number)?.[0] ?? '-';
}
