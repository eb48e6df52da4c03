import { readFile } from 'node:fs/promises';
import { OperatorError, Secret } from '@tuning/kit';
import { parseKeyFile, serialiseKeyFile, serialisePublicFile } from './key-file.ts';
import { addressOf, pairFromSeed } from './key-pair.ts';
import { type KeySecret, type MnemonicWords, newKeySecret, parseKeySecret } from './key-secret.ts';
import { exists, writeNewFile } from './new-file.ts';
import { isThere } from './read-file.ts';
import { sealBox } from './sealed-box.ts';
import { openColdkey, readColdkeyAddress } from './wallet.ts';
import { type KeyKind, type WalletPaths, type WalletRef, walletPaths } from './wallet-ref.ts';

export interface NewKey {
  /** SS58. */
  address: string;
  /** The words that restore the key. */
  mnemonic: Secret;
}

export interface NewWallet {
  /** The mnemonic is undefined when the coldkey existed before. */
  coldkey: { address: string; mnemonic: Secret | undefined };
  hotkey: NewKey;
}

export interface CreateWalletOptions {
  /** Encrypts the coldkey; without it the coldkey is stored as plain text. */
  coldkeyPassword?: Secret;
  /** Length of the mnemonics, default 12. */
  words?: MnemonicWords;
}

export interface CreateHotkeyOptions {
  /** Encrypts the hotkey: a daemon then needs it at each start. */
  password?: Secret;
  /** Length of the mnemonic, default 12. */
  words?: MnemonicWords;
}

/**
 * Makes a wallet: `coldkey`, `coldkeypub.txt` and the hotkey's two files, all mode 0600. An existing coldkey is kept and
 * only gets the new hotkey.
 * @throws OperatorError `WALLET_EXISTS` when the hotkey exists.
 */
export async function createWallet(ref: WalletRef, options: CreateWalletOptions = {}): Promise<NewWallet> {
  const paths = walletPaths(ref);
  if (await isThere(paths.hotkey)) throw exists(paths.hotkey);
  const { words, coldkeyPassword } = options;
  const existing = await existingColdkey(ref, paths, coldkeyPassword);
  const coldkey =
    existing === undefined
      ? await newKey(ref, 'coldkey', words, coldkeyPassword)
      : { address: existing, mnemonic: undefined };
  return { coldkey, hotkey: await newKey(ref, 'hotkey', words) };
}

/** Makes only a hotkey (`hotkeys/<name>` and `hotkeys/<name>pub.txt`). @throws OperatorError `WALLET_EXISTS`. */
export async function createHotkey(ref: WalletRef, options: CreateHotkeyOptions = {}): Promise<NewKey> {
  return newKey(ref, 'hotkey', options.words, options.password);
}

/**
 * Writes the files of a key that exists elsewhere, from its mnemonic or its seed.
 * @param password encrypts the file; without it the key is stored as plain text.
 * @returns the key's SS58 address.
 * @throws OperatorError `WALLET_EXISTS` | `WALLET_BAD_MNEMONIC` | `WALLET_BAD_SEED`.
 */
export async function importKey(ref: WalletRef, kind: KeyKind, secret: Secret, password?: Secret): Promise<string> {
  await requireFree(ref, kind);
  return writeKey(ref, kind, await parseKeySecret(secret), password);
}

/** Before anybody is asked for a secret: @throws OperatorError `WALLET_EXISTS` when the key's file is there. */
export async function requireFree(ref: WalletRef, kind: KeyKind): Promise<void> {
  const path = walletPaths(ref)[kind];
  if (await isThere(path)) throw exists(path);
}

/** Whether `createWallet` would make a coldkey, and so needs its password. */
export async function lacksColdkey(ref: WalletRef): Promise<boolean> {
  const paths = walletPaths(ref);
  return !(await isThere(paths.coldkey)) && !(await isThere(paths.coldkeyPublic));
}

async function newKey(ref: WalletRef, kind: KeyKind, words?: MnemonicWords, password?: Secret): Promise<NewKey> {
  await requireFree(ref, kind);
  const secret = await newKeySecret(words);
  return { address: await writeKey(ref, kind, secret, password), mnemonic: new Secret(secret.mnemonic!) };
}

async function writeKey(ref: WalletRef, kind: KeyKind, secret: KeySecret, password?: Secret): Promise<string> {
  if (password?.reveal().trim() === '') {
    throw new OperatorError('WALLET_PASSWORD_EMPTY', 'the password is empty: give one, or store the key unencrypted');
  }
  const paths = walletPaths(ref);
  const path = paths[kind];
  const publicPath = kind === 'coldkey' ? paths.coldkeyPublic : paths.hotkeyPublic;
  const { mnemonic, seed } = secret;
  const pair = pairFromSeed(seed);
  const address = addressOf(pair.publicKey);
  // A public file may have been left alone (a key being restored from its mnemonic), but only this key's.
  const hasPublic = await isThere(publicPath);
  if (hasPublic && (await parseKeyFile(await readFile(publicPath), publicPath)).address !== address) {
    throw exists(publicPath);
  }
  const plain = serialiseKeyFile(pair, { seed, ...(mnemonic === undefined ? {} : { mnemonic }) });
  await writeNewFile(path, password ? await sealBox(plain, password) : plain);
  for (const secretBytes of [plain, seed, pair.secretKey]) secretBytes.fill(0);
  if (!hasPublic) await writeNewFile(publicPath, serialisePublicFile(pair.publicKey));
  return address;
}

/** Address of the coldkey that is already there; completes a wallet whose public file is missing. */
async function existingColdkey(ref: WalletRef, paths: WalletPaths, password?: Secret): Promise<string | undefined> {
  if (await isThere(paths.coldkeyPublic)) return readColdkeyAddress(ref);
  if (!(await isThere(paths.coldkey))) return undefined;
  const coldkey = await openColdkey(ref, password && (async () => password));
  coldkey.forget();
  await writeNewFile(paths.coldkeyPublic, serialisePublicFile(coldkey.publicKey));
  return coldkey.address;
}
