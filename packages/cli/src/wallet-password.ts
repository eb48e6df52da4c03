import { expandPath, secretFromEnvironment } from '@tuning/config';
import { OperatorError } from '@tuning/kit';
import type { PasswordSource, WalletRef } from '@tuning/wallet';
import { askPassword } from './password-prompt.ts';

/** A password comes from BT_PW_…, from TUNING_WALLET_PASSWORD(_FILE) or, on a terminal, from the keyboard. */
export function passwordSource(wallet: WalletRef): PasswordSource {
  return async (prompt, kind) => {
    const ref = { ...wallet, path: expandPath(wallet.path) };
    const { passwordFromEnvironment } = await import('@tuning/wallet');
    const known =
      secretFromEnvironment('TUNING_WALLET_PASSWORD', process.env) ?? passwordFromEnvironment(ref, kind, process.env);
    if (known) return known;
    if (!process.stdin.isTTY) {
      throw new OperatorError(
        'WALLET_PASSWORD_NEEDED',
        `${prompt}: set TUNING_WALLET_PASSWORD_FILE, or start on a terminal`,
      );
    }
    return askPassword(prompt);
  };
}
