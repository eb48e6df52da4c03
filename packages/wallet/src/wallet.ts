import { errorCode, OperatorError, type Secret, type Signer } from '@tuning/kit';
import { type KeyFileContent, parseKeyFile } from './key-file.ts';
import { PairSigner } from './key-pair.ts';
import { readSmallFile } from './read-file.ts';
import { encryptionOf, openBox, outdatedEncryption } from './sealed-box.ts';
import { describeExisting, type KeyKind, type WalletRef, walletPaths } from './wallet-ref.ts';

/** Asks for the password of an encrypted key of that kind; called at most once per key. */
export type PasswordSource = (prompt: string, kind: KeyKind) => Promise<Secret>;

/** A signer whose key can be wiped as soon as its one signature is made. */
export interface ColdSigner extends Signer {
  /** Wipes the key; signing afterwards throws `WALLET_FORGOTTEN`. */
  forget(): void;
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
  throw new OperatorError('WALLET_UNSUPPORTED', `the ${kind} ${path} ${outdatedEncryption(encryption)}`);
}

async function readKeyFile(path: string, ref: WalletRef, kind: KeyKind): Promise<Uint8Array> {
  try {
    return await readSmallFile(path);
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
