import { open, readFile } from 'node:fs/promises';
import { cryptoWaitReady, mnemonicGenerate } from '@polkadot/util-crypto';
import { errorCode, OperatorError, Secret, type Signer } from '@tuning/kit';
import { type KeyFileContent, parseKeyFile, serialiseKeyFile, serialisePublicFile } from './key-file.ts';
import { addressOf, PairSigner, pairFromSeed, seedOfMnemonic } from './key-pair.ts';
import { exists, writeNewFile } from './new-file.ts';
import { encryptionOf, openBox, sealBox } from './sealed-box.ts';
import { describeExisting, type KeyKind, type WalletPaths, type WalletRef, walletPaths } from './wallet-ref.ts';

/** A key file is some hundred bytes; anything far larger is not one. */
const MAX_KEY_FILE_BYTES = 64 * 1024;

/** Asks for the password of an encrypted key of that kind; called at most once per key. */
export type PasswordSource = (prompt: string, kind: KeyKind) => Promise<Secret>;

/** A signer whose key can be wiped as soon as its one signature is made. */
export interface ColdSigner extends Signer {
  /** Wipes the key; signing afterwards throws `WALLET_FORGOTTEN`. */
  forget(): void;
}

export interface NewKey {
  /** SS58. */
  address: string;
  /** 12 words: the only way to restore the key. */
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
  /** Restore from these instead of making new ones. */
  mnemonics?: { coldkey?: Secret; hotkey?: Secret };
}

export interface CreateHotkeyOptions {
  /** Encrypts the hotkey: a daemon then needs it at each start. */
  password?: Secret;
  mnemonic?: Secret;
}

/**
 * Opens the hotkey of a wallet.
 * @throws OperatorError `WALLET_NOT_FOUND` | `WALLET_INVALID` | `WALLET_UNSUPPORTED` | `WALLET_PASSWORD_NEEDED` |
 * `WALLET_WRONG_PASSWORD` | `WALLET_NOT_READABLE` | `WALLET_BAD_NAME`.
 */
export async function openHotkey(ref: WalletRef, password?: PasswordSource): Promise<Signer> {
  return openKey(ref, 'hotkey', password);
}

/** Opens the coldkey of a wallet, for one transaction. Throws as {@link openHotkey}. */
export async function openColdkey(ref: WalletRef, password?: PasswordSource): Promise<ColdSigner> {
  return openKey(ref, 'coldkey', password);
}

/** The coldkey's SS58 address from `coldkeypub.txt`: no secret is read. Throws as {@link openHotkey}. */
export async function readColdkeyAddress(ref: WalletRef): Promise<string> {
  const path = walletPaths(ref).coldkeyPublic;
  return (await parseKeyFile(await readKeyFile(path, ref, 'coldkey'), path)).address;
}

/**
 * Makes a wallet: `coldkey`, `coldkeypub.txt` and the hotkey's two files, all mode 0600. An existing coldkey is kept and
 * only gets the new hotkey.
 * @throws OperatorError `WALLET_EXISTS` when the hotkey exists, or when a coldkey mnemonic is given and a coldkey exists.
 */
export async function createWallet(ref: WalletRef, options: CreateWalletOptions = {}): Promise<NewWallet> {
  const paths = walletPaths(ref);
  if (await isThere(paths.hotkey)) throw exists(paths.hotkey);
  const existing = await existingColdkey(ref, paths, options.coldkeyPassword);
  if (existing !== undefined && options.mnemonics?.coldkey) throw exists(paths.coldkey);
  const coldkey =
    existing === undefined
      ? await createKey(paths.coldkey, paths.coldkeyPublic, options.coldkeyPassword, options.mnemonics?.coldkey)
      : { address: existing, mnemonic: undefined };
  const mnemonic = options.mnemonics?.hotkey;
  return { coldkey, hotkey: await createHotkey(ref, mnemonic ? { mnemonic } : {}) };
}

/** Makes only a hotkey (`hotkeys/<name>` and `hotkeys/<name>pub.txt`). @throws OperatorError `WALLET_EXISTS`. */
export async function createHotkey(ref: WalletRef, options: CreateHotkeyOptions = {}): Promise<NewKey> {
  const paths = walletPaths(ref);
  return createKey(paths.hotkey, paths.hotkeyPublic, options.password, options.mnemonic);
}

async function createKey(path: string, publicPath: string, password?: Secret, mnemonic?: Secret): Promise<NewKey> {
  // Before the seconds of key derivation; writeNewFile is what really guards.
  if (await isThere(path)) throw exists(path);
  await cryptoWaitReady();
  const words = mnemonic?.reveal().trim().split(/\s+/).join(' ') ?? mnemonicGenerate(12);
  const seed = await seedOfMnemonic(words);
  const pair = pairFromSeed(seed);
  // A public file may have been left alone (a key being restored from its mnemonic), but only this key's.
  const hasPublic = await isThere(publicPath);
  if (hasPublic && (await parseKeyFile(await readFile(publicPath), publicPath)).address !== addressOf(pair.publicKey)) {
    throw exists(publicPath);
  }
  const plain = serialiseKeyFile(pair, { mnemonic: words, seed });
  await writeNewFile(path, password ? await sealBox(plain, password) : plain);
  for (const secret of [plain, seed, pair.secretKey]) secret.fill(0);
  if (!hasPublic) await writeNewFile(publicPath, serialisePublicFile(pair.publicKey));
  return { address: addressOf(pair.publicKey), mnemonic: new Secret(words) };
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

async function openKey(ref: WalletRef, kind: KeyKind, password?: PasswordSource): Promise<PairSigner> {
  const path = walletPaths(ref)[kind];
  const file = await readKeyFile(path, ref, kind);
  const plain = await decrypt(file, path, kind, ref, password);
  let content: KeyFileContent;
  try {
    content = await parseKeyFile(plain, path);
  } finally {
    plain.fill(0);
    file.fill(0);
  }
  if (!content.pair) {
    throw new OperatorError(
      'WALLET_INVALID',
      `the key file ${path} holds only the address ${content.address} and cannot sign: restore it from its mnemonic`,
    );
  }
  return new PairSigner(content.pair);
}

async function decrypt(
  file: Uint8Array,
  path: string,
  kind: KeyKind,
  ref: WalletRef,
  password?: PasswordSource,
): Promise<Uint8Array> {
  const encryption = encryptionOf(file);
  if (encryption === 'none') return file;
  if (encryption === 'nacl') {
    if (!password) {
      throw new OperatorError(
        'WALLET_PASSWORD_NEEDED',
        `the ${kind} ${path} is encrypted and no password was given: pass it by a password file or prompt`,
      );
    }
    return openBox(
      file,
      await password(`Password of ${kind} '${ref.name}${kind === 'hotkey' ? `/${ref.hotkey}` : ''}'`, kind),
      path,
    );
  }
  if (encryption === 'unknown') {
    throw new OperatorError(
      'WALLET_INVALID',
      `${path} is not a Bittensor key file: restore it from your backup or mnemonic`,
    );
  }
  const format = encryption === 'ansible' ? 'Ansible Vault' : 'Fernet';
  throw new OperatorError(
    'WALLET_UNSUPPORTED',
    `the ${kind} ${path} is encrypted in the outdated ${format} format: run \`btcli w update\` once to convert it`,
  );
}

async function readKeyFile(path: string, ref: WalletRef, kind: KeyKind): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size > MAX_KEY_FILE_BYTES) {
        throw new OperatorError(
          'WALLET_INVALID',
          `${path} has ${size} bytes, which no key file has: name the right file`,
        );
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof OperatorError) throw error;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new OperatorError(
        'WALLET_NOT_FOUND',
        `no ${kind} at ${path} (${await describeExisting(ref)}): name one that exists or create it`,
      );
    }
    throw new OperatorError('WALLET_NOT_READABLE', `cannot read ${path} (${code}): check who owns it`, {
      cause: error,
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  return open(path, 'r').then(
    async (handle) => {
      await handle.close();
      return true;
    },
    (error: unknown) => errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR',
  );
}
