import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, OperatorError } from '@tuning/kit';
import { parseKeyFile } from './key-file.ts';
import { readSmallFile } from './read-file.ts';
import { type Encryption, encryptionOf, outdatedEncryption } from './sealed-box.ts';
import { expandHome } from './wallet-ref.ts';

/** A key as its files show it, without any password. */
export interface KeyListing {
  /** SS58; undefined where no file tells it. */
  address: string | undefined;
  /** `none` is plain text, `nacl` what btcli writes; undefined when only the public file is there. */
  encryption: Encryption | undefined;
  /** Why the key cannot be used as it is, or what is wrong with its files. */
  problem: string | undefined;
}

export interface WalletListing {
  name: string;
  coldkey: KeyListing;
  hotkeys: (KeyListing & { name: string })[];
}

/** Entries of one folder that are looked at. */
const MOST = 1_000;
const PUBLIC = 'pub.txt';

/**
 * All wallets of a folder with their hotkeys, by name. Nothing is decrypted; a file that is broken is named, not skipped.
 * @param path a leading `~/` is expanded.
 * @throws OperatorError `WALLET_NOT_FOUND` when there is no such folder, `WALLET_NOT_READABLE`.
 */
export async function listWallets(path: string): Promise<{ path: string; wallets: WalletListing[] }> {
  const root = expandHome(path);
  const wallets: WalletListing[] = [];
  for (const name of await entriesOf(root, 'folders')) {
    const folder = join(root, name);
    const hotkeys = join(folder, 'hotkeys');
    const files = await entriesOf(hotkeys, 'files', []);
    const secret = files.filter((file) => !file.endsWith(PUBLIC));
    const alone = files.filter((file) => file.endsWith(PUBLIC)).map((file) => file.slice(0, -PUBLIC.length));
    const names = [...new Set([...secret, ...alone])].sort();
    wallets.push({
      name,
      coldkey: await keyListing(join(folder, 'coldkey'), join(folder, `coldkey${PUBLIC}`)),
      hotkeys: await Promise.all(
        names.map(async (hotkey) => ({
          name: hotkey,
          ...(await keyListing(join(hotkeys, hotkey), join(hotkeys, `${hotkey}${PUBLIC}`))),
        })),
      ),
    });
  }
  return { path: root, wallets };
}

async function keyListing(path: string, publicPath: string): Promise<KeyListing> {
  const known = await addressIn(publicPath);
  let file: Uint8Array;
  try {
    file = await readSmallFile(path);
  } catch (error) {
    const absent = errorCode(error) === 'ENOENT';
    const problem = absent ? (known.problem ?? absence(known.address)) : unreadable(path, error);
    return { address: known.address, encryption: undefined, problem };
  }
  const encryption = encryptionOf(file);
  if (encryption !== 'none') {
    const what = isOutdated(encryption) ? `${path} ${outdatedEncryption(encryption)}` : undefined;
    const odd = encryption === 'unknown' ? `${path} is not a Bittensor key file: restore it from your backup` : what;
    const unnamed = known.address === undefined ? `${publicPath} is missing, so the address is not known` : undefined;
    return { address: known.address, encryption, problem: odd ?? known.problem ?? unnamed ?? (await exposure(path)) };
  }
  try {
    const { address, pair } = await parseKeyFile(file, path);
    pair?.secretKey.fill(0);
    const other = known.address !== undefined && known.address !== address;
    const mismatch = other ? `${publicPath} names another key, ${known.address}: remove the wrong one` : undefined;
    const only = pair ? undefined : `${path} holds an address only and cannot sign`;
    return { address, encryption, problem: mismatch ?? only ?? known.problem ?? (await exposure(path)) };
  } catch (error) {
    return { address: known.address, encryption, problem: errorMessage(error) };
  } finally {
    file.fill(0);
  }
}

async function addressIn(path: string): Promise<{ address: string | undefined; problem: string | undefined }> {
  try {
    return { address: (await parseKeyFile(await readSmallFile(path), path)).address, problem: undefined };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { address: undefined, problem: undefined };
    return { address: undefined, problem: error instanceof OperatorError ? error.message : unreadable(path, error) };
  }
}

function absence(address: string | undefined): string | undefined {
  return address === undefined ? 'there is no such key' : undefined;
}

/** A plain or sealed secret that others of this machine may read. */
async function exposure(path: string): Promise<string | undefined> {
  const { mode } = await stat(path);
  const others = mode & 0o077;
  return others === 0 ? undefined : `${path} may be read by others (mode ${(mode & 0o777).toString(8)}): chmod 600 it`;
}

function isOutdated(encryption: Encryption): encryption is 'ansible' | 'fernet' {
  return encryption === 'ansible' || encryption === 'fernet';
}

function unreadable(path: string, error: unknown): string {
  return error instanceof OperatorError
    ? error.message
    : `cannot read ${path} (${errorCode(error)}): check who owns it`;
}

async function entriesOf(folder: string, kind: 'files' | 'folders', otherwise?: string[]): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => (kind === 'folders' ? !entry.isFile() : !entry.isDirectory()) && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort()
      .slice(0, MOST);
  } catch (error) {
    if (otherwise) return otherwise;
    if (errorCode(error) === 'ENOENT') {
      throw new OperatorError(
        'WALLET_NOT_FOUND',
        `the folder ${folder} does not exist: create a wallet first (tuning wallet create), or correct --wallet.path`,
      );
    }
    throw new OperatorError('WALLET_NOT_READABLE', `cannot read ${folder} (${errorCode(error)}): check who owns it`, {
      cause: error,
    });
  }
}
