import { OperatorError } from '@tuning/kit';
import { openColdkey, openHotkey } from '@tuning/wallet';
import type { Command } from 'commander';
import { type ChainOptions, onChain, type WalletOptions, walletOf, withChain, withWallet } from '../chain-command.ts';
import { parseTao, taoText } from '../tao-amount.ts';
import { passwordSource } from '../wallet-password.ts';

/** `tuning register`: makes the hotkey a neuron by burning TAO of the coldkey. */
export function addRegisterCommand(program: Command): void {
  withWallet(withChain(program.command('register')))
    .description('register the hotkey on a subnet; the coldkey pays the price, which is burned')
    .option('--max-burn <TAO>', 'the most that may be burned; without it, the price is told and nothing is sent', '0')
    .action(async (options: ChainOptions & WalletOptions & { maxBurn: string }) => {
      const maxBurn = parseTao(options.maxBurn);
      const wallet = walletOf(options);
      const hotkey = await openHotkey(wallet, passwordSource(wallet));
      await onChain(options, async ({ chain, netuid, signal }) => {
        const uid = await chain.uidOf(netuid, hotkey.address);
        if (uid !== undefined) {
          return {
            json: { netuid, hotkey: hotkey.address, uid, registered: false },
            text: `${hotkey.address} is uid ${uid} of subnet ${netuid} already\n`,
          };
        }
        // The price first: no password is asked for in vain.
        const price = await chain.burn(netuid);
        if (price > maxBurn) {
          throw new OperatorError(
            'BURN_ABOVE_LIMIT',
            `registering on subnet ${netuid} costs ${taoText(price)} TAO now, above your limit of ${taoText(maxBurn)} TAO: raise --max-burn or wait`,
          );
        }
        const coldkey = await openColdkey(wallet, passwordSource(wallet));
        try {
          const done = await chain.register({ netuid, hotkey: hotkey.address, coldkey, maxBurn }, { signal });
          return {
            json: {
              netuid,
              hotkey: hotkey.address,
              uid: done.uid,
              registered: true,
              burned: done.burned,
              block: done.block,
            },
            text: `${hotkey.address} is uid ${done.uid} of subnet ${netuid} since block ${done.block.number}; about ${taoText(done.burned)} TAO burned\n`,
          };
        } finally {
          coldkey.forget();
        }
      });
    });
}
