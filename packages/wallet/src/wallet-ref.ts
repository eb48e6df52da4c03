import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { OperatorError } from '@tuning/kit';

/** Where Bittensor's own tools keep wallets. */
export const DEFAULT_WALLETS_PATH = '~/.bittensor/wallets';

/** Names one wallet (a coldkey) and one of its hotkeys. */
export interface WalletRef {
  /** Folder name of the wallet. */
  name: string;
  /** File name under `hotkeys/`. */
  hotkey: string;
  /** Folder that holds the wallets; a leading `~/` is expanded. */
  path: string;
}

export type KeyKind = 'coldkey' | 'hotkey';

/** Absolute paths of one wallet's files. */
export interface WalletPaths {
  wallets: string;
  wallet: string;
  coldkey: string;
  coldkeyPublic: string;
  hotkeys: string;
  hotkey: string;
  hotkeyPublic: string;
}

/**
 * Layout of opentensor/btwallet: `<wallets>/<name>/{coldkey,coldkeypub.txt,hotkeys/<hotkey>,hotkeys/<hotkey>pub.txt}`.
 * @throws OperatorError `WALLET_BAD_NAME` when a name would leave its folder.
 */
export function walletPaths(ref: WalletRef): WalletPaths {
  requireName('wallet', ref.name);
  requireName('hotkey', ref.hotkey);
  const wallets = expandHome(ref.path);
  const wallet = join(wallets, ref.name);
  const hotkeys = join(wallet, 'hotkeys');
  return {
    wallets,
    wallet,
    coldkey: join(wallet, 'coldkey'),
    coldkeyPublic: join(wallet, 'coldkeypub.txt'),
    hotkeys,
    hotkey: join(hotkeys, ref.hotkey),
    hotkeyPublic: join(hotkeys, `${ref.hotkey}pub.txt`),
  };
}

/** One clause naming what does exist, for the message about what does not. */
export async function describeExisting(ref: WalletRef): Promise<string> {
  const paths = walletPaths(ref);
  const wallets = await names(paths.wallets, 'folder');
  if (wallets === undefined) return `the folder ${paths.wallets} does not exist`;
  if (!wallets.includes(ref.name)) {
    return wallets.length === 0
      ? `no wallets in ${paths.wallets}`
      : `wallets in ${paths.wallets}: ${wallets.join(', ')}`;
  }
  const hotkeys = ((await names(paths.hotkeys, 'file')) ?? []).filter((name) => !name.endsWith('pub.txt'));
  return hotkeys.length === 0
    ? `wallet '${ref.name}' has no hotkeys`
    : `hotkeys of wallet '${ref.name}': ${hotkeys.join(', ')}`;
}

/** Names in `folder`, sorted and cut so that a message stays one line; undefined when the folder cannot be read. */
async function names(folder: string, kind: 'file' | 'folder'): Promise<string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  return entries
    ?.filter((entry) => (kind === 'folder' ? !entry.isFile() : !entry.isDirectory()) && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort()
    .slice(0, 20);
}

/** Absolute path of a folder as it was typed. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}

function requireName(what: string, name: string): void {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
    throw new OperatorError('WALLET_BAD_NAME', `'${name}' is not a ${what} name: give the name alone, without slashes`);
  }
}
