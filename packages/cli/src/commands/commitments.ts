import type { ChainCommitment } from '@tuning/chain';
import { openHotkey } from '@tuning/wallet';
import type { Command } from 'commander';
import { type ChainOptions, onChain, type WalletOptions, walletOf, withChain, withWallet } from '../chain-command.ts';
import { printable, textTable } from '../text-table.ts';
import { passwordSource } from '../wallet-password.ts';

/** `tuning commitments`, `tuning commitments set`. */
export function addCommitmentCommands(program: Command): void {
  const commitments = program.command('commitments').description('read and write commitments of a subnet');
  withChain(commitments.command('list', { isDefault: true }))
    .description('list what the hotkeys of a subnet have committed, newest first')
    .option('--hotkey <ss58>', 'only this one')
    .action((options: ChainOptions & { hotkey?: string }) =>
      onChain(options, async ({ chain, netuid }) => {
        const all = await chain.commitments(netuid);
        const rows = options.hotkey === undefined ? all : all.filter(({ hotkey }) => hotkey === options.hotkey);
        const table = textTable<ChainCommitment>(
          [
            { title: 'BLOCK', value: ({ block }) => block },
            { title: 'HOTKEY', value: ({ hotkey }) => hotkey },
            { title: 'FIELDS', value: ({ fields }) => fields.join(' | ') },
          ],
          rows,
        );
        return { json: rows, text: rows.length > 0 ? table : `nothing is committed on subnet ${netuid}\n` };
      }),
    );
  withWallet(withChain(commitments.command('set <fields...>')))
    .description('commit 1 to 3 texts of at most 128 ASCII characters; they replace the hotkey’s last commitment')
    .action(async (fields: string[], options: ChainOptions & WalletOptions) => {
      const wallet = walletOf(options);
      const hotkey = await openHotkey(wallet, passwordSource(wallet));
      await onChain(options, async ({ chain, netuid, signal }) => {
        const block = await chain.commit({ netuid, hotkey, fields }, { signal });
        return {
          json: { netuid, hotkey: hotkey.address, block, fields },
          text: `block ${block.number}: ${hotkey.address} committed ${fields.map(printable).join(' | ')}\n`,
        };
      });
    });
}
