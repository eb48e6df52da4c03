import type { KeyListing, WalletListing } from '@tuning/wallet';
import { printable } from './text-table.ts';

const ENCRYPTION: Readonly<Record<string, string>> = {
  none: 'not encrypted',
  nacl: 'encrypted',
  ansible: 'encrypted (Ansible Vault)',
  fernet: 'encrypted (Fernet)',
  unknown: '?',
};

/** Wallets and below each its keys; what is wrong with a key is told on a line of its own. */
export function walletTree({ path, wallets }: { path: string; wallets: readonly WalletListing[] }): string {
  if (wallets.length === 0) return `no wallets in ${path}; make one with: tuning wallet create\n`;
  const lines = [path];
  for (const [at, { name, coldkey, hotkeys }] of wallets.entries()) {
    const last = at === wallets.length - 1;
    lines.push(`${last ? '└── ' : '├── '}${printable(name)}`);
    const indent = last ? '    ' : '│   ';
    const keys = [
      { label: 'coldkey', key: coldkey },
      ...hotkeys.map((key) => ({ label: `hotkey ${printable(key.name)}`, key })),
    ];
    const width = Math.max(...keys.map(({ label }) => label.length));
    for (const [number, { label, key }] of keys.entries()) {
      const end = number === keys.length - 1;
      lines.push(`${indent}${end ? '└── ' : '├── '}${label.padEnd(width)}  ${keyText(key)}`);
      if (key.problem !== undefined) lines.push(`${indent}${end ? '    ' : '│   '}  ! ${printable(key.problem)}`);
    }
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function keyText({ address, encryption, problem }: KeyListing): string {
  const state = encryption === undefined ? (problem === undefined ? 'address only' : '') : ENCRYPTION[encryption];
  return `${address ?? '-'}  ${state}`;
}
