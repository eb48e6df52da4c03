import { OperatorError, Secret } from '@tuning/kit';
import { type KeyKind, type WalletRef, walletPaths } from './wallet-ref.ts';

/** btwallet's variable for a key file's password: `BT_PW_` + its path with `/` and `.` as `_`, upper-cased. */
export function passwordVariable(path: string): string {
  return `BT_PW_${path.replaceAll(/[/.]/g, '_')}`.toUpperCase();
}

/**
 * The password that the environment holds for a key file: base64 of the password XOR the repeated variable name. That
 * hides it from a glance and protects nothing; a prompt or a password file is better.
 * @returns undefined when the variable is not set.
 * @throws OperatorError `WALLET_BAD_PASSWORD_VARIABLE` when its value is not of that form.
 */
export function passwordFromEnvironment(
  ref: WalletRef,
  kind: KeyKind,
  env: Readonly<Record<string, string | undefined>>,
): Secret | undefined {
  const variable = passwordVariable(walletPaths(ref)[kind]);
  const value = env[variable];
  if (value === undefined || value === '') return undefined;
  const bytes = Buffer.from(value, 'base64');
  // Buffer drops what is not base64 instead of refusing it.
  const canonical = bytes.toString('base64').replace(/=+$/, '');
  try {
    if (canonical !== value.trim().replace(/=+$/, '')) throw new Error('not base64');
    return new Secret(new TextDecoder('utf-8', { fatal: true }).decode(xor(bytes, variable)));
  } catch {
    throw new OperatorError(
      'WALLET_BAD_PASSWORD_VARIABLE',
      `${variable} is not a password as btcli stores it (base64 of the password XOR the variable's name): unset it or store it again`,
    );
  }
}

/** The value to put into {@link passwordVariable}. */
export function obscurePassword(password: Secret, path: string): string {
  return Buffer.from(xor(new TextEncoder().encode(password.reveal()), passwordVariable(path))).toString('base64');
}

function xor(bytes: Uint8Array, key: string): Uint8Array {
  return bytes.map((byte, at) => byte ^ key.charCodeAt(at % key.length));
}
