import { cryptoWaitReady, mnemonicGenerate } from '@polkadot/util-crypto';
import { OperatorError, type Secret } from '@tuning/kit';
import { seedOfMnemonic } from './key-pair.ts';

/** Numbers of words that a BIP39 mnemonic can have. */
const MNEMONIC_WORDS = [12, 15, 18, 21, 24] as const;
export type MnemonicWords = (typeof MNEMONIC_WORDS)[number];

/** What a key is derived from. `seed` is the 32-byte mini-secret; `mnemonic` is undefined where only the seed is known. */
export interface KeySecret {
  mnemonic: string | undefined;
  seed: Uint8Array;
}

/** A new random key's. */
export async function newKeySecret(words: MnemonicWords = 12): Promise<KeySecret> {
  await cryptoWaitReady();
  const mnemonic = mnemonicGenerate(words);
  return { mnemonic, seed: await seedOfMnemonic(mnemonic) };
}

/**
 * Reads a mnemonic (12 to 24 English words) or a seed (64 hexadecimal digits, with or without 0x), as btcli's `regen-…`
 * commands take them.
 * @throws OperatorError `WALLET_BAD_SEED` | `WALLET_BAD_MNEMONIC`, without quoting it.
 */
export async function parseKeySecret(secret: Secret): Promise<KeySecret> {
  const text = secret.reveal().trim();
  const hex = /^(?:0x)?([0-9a-f]*)$/i.exec(text)?.[1];
  if (hex?.length === 64) return { mnemonic: undefined, seed: Uint8Array.from(Buffer.from(hex, 'hex')) };
  if (text === '' || hex !== undefined || text.startsWith('{')) {
    throw new OperatorError(
      'WALLET_BAD_SEED',
      'this is neither a mnemonic nor a seed: give the 12 to 24 words of the key, or its seed of 64 hexadecimal digits',
    );
  }
  const mnemonic = text.split(/\s+/).join(' ').toLowerCase();
  return { mnemonic, seed: await seedOfMnemonic(mnemonic) };
}
