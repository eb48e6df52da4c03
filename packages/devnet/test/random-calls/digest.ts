import { createHash } from 'node:crypto';
import { toHex } from '../../src/scale/bytes.ts';
import type { Client } from '../conformance/client.ts';
import type { Branch } from './direct-chain.ts';

/** '0x' and the 32 bytes of pallet and item. */
const PREFIX_DIGITS = 66;

/** Storage that a sequence's digest leaves out, and why. Everything else that both runtimes describe is compared. */
export const NOT_COMPARED: readonly (readonly [items: RegExp, why: string])[] = [
  [/^Substrate\./, 'keys that belong to no pallet'],
  [/^System\.(?!Account)/, 'the block itself: its events are compared one by one, hashes and weights are the node’s'],
  [/^(Timestamp|Aura|Authorship|Grandpa|TransactionPayment|Drand)\./, 'clock, fees and pulses are the node’s own'],
  [/\.TotalIssuance$/, 'burned fees: their amounts differ, and accounts are compared net of them'],
  [/\.(SubnetTAO|SubnetAlphaIn|SubnetAlphaOut|TotalStake|RAORecycledForRegistration)$/, 'the emulation has no pools'],
  [
    /\.(RegistrationsThisInterval|RegistrationsThisBlock|AdjustmentInterval)$/,
    '293 counts registrations by interval, 424 does not',
  ],
];

/** 'modlsubtensr': since 424 the TAO in a subnet's pool lies on an account of its own. */
const SUBNET_ACCOUNTS = Buffer.from('modlsubtensr').toString('hex');

interface Item {
  readonly name: string;
  /** What an absent entry reads as; '' where it is optional. */
  readonly fallback: string;
}

interface Described {
  keyPrefix(): string;
  creator: { meta: { modifier: { isDefault: boolean }; fallback: { toHex(): string } } };
}

/** By the first digits of the key. */
export type Items = ReadonlyMap<string, Item>;

/** The items of a runtime's metadata that digests are about. */
export function itemsOf(client: Client): Items {
  const items = new Map<string, Item>();
  for (const section of Object.values(client.api.query)) {
    for (const one of Object.values(section)) {
      const { keyPrefix, creator } = one as unknown as Described & {
        creator: { prefix: string; method: string; section: string };
      };
      if (creator?.meta === undefined) continue;
      const pallet = (creator as unknown as { prefix: string }).prefix;
      const name = `${pallet}.${(creator.meta as unknown as { name: { toString(): string } }).name.toString()}`;
      if (NOT_COMPARED.some(([pattern]) => pattern.test(name))) continue;
      const prefix = keyPrefix.call(one).slice(0, PREFIX_DIGITS);
      items.set(prefix, { name, fallback: creator.meta.modifier.isDefault ? creator.meta.fallback.toHex() : '' });
    }
  }
  return items;
}

/**
 * 'Pallet.Item(rest of the key)' → bytes, of every entry whose value is no longer the prepared one. An entry that holds
 * its default reads as one that is absent. Accounts are net of fees and of the transactions that got into blocks.
 */
export function digestOf(branch: Branch, items: Items): Record<string, string> {
  const digest: Record<string, string> = {};
  const { client } = branch.chain;
  const accounts = new Map([...branch.signers()].map((who) => [client.key(['System.Account', who])!, who]));
  for (const key of branch.state.changes().keys()) {
    const item = items.get(key.slice(0, PREFIX_DIGITS));
    if (!item) continue;
    const readAs = (bytes: Uint8Array | undefined): string => (bytes === undefined ? item.fallback : toHex(bytes));
    const now = readAs(branch.state.get(key));
    if (key.includes(SUBNET_ACCOUNTS)) continue;
    const label = `${item.name}(${key.slice(PREFIX_DIGITS)})`;
    if (item.name === 'System.Account') {
      const before = client.decode(['System.Account', '@Alice'], readAs(branch.before(key))) as Account;
      const after = client.decode(['System.Account', '@Alice'], now) as Account;
      const account = netAccount(branch, accounts.get(key), before, after);
      if (account !== undefined) digest[label] = account;
    } else if (item.name === COMMITS && now !== readAs(branch.before(key))) {
      digest[label] = JSON.stringify(commitsOf(client, now));
    } else if (now !== readAs(branch.before(key))) {
      digest[label] = now;
    }
  }
  return Object.fromEntries(Object.entries(digest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const COMMITS = 'SubtensorModule.WeightCommits';

/** 293 keeps (hash, block, first block and last block of the reveal), 424 (hash, epoch, block, 0). */
function commitsOf(client: Client, bytes: string): unknown {
  if (bytes === '') return [];
  const commits = client.decode([COMMITS, 0, '@Bob'], bytes) as [hash: string, ...numbers: number[]][];
  const byEpoch = client.key(['SubtensorModule.SubnetEpochIndex', 0]) !== undefined;
  return commits.map(([hash, first, second]) => [hash, byEpoch ? second : first]);
}

/** By item: a hash over all its lines, for records. */
export function summaryOf(digest: Readonly<Record<string, string>>): Record<string, string> {
  const byItem = new Map<string, string[]>();
  for (const [label, value] of Object.entries(digest)) {
    const item = label.split('(')[0]!;
    byItem.set(item, [...(byItem.get(item) ?? []), `${label}=${value}`]);
  }
  const hash = (lines: string[]) => createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
  return Object.fromEntries([...byItem].map(([item, lines]) => [item, hash(lines)]));
}

interface Account {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  data: { free: number | string; reserved: number | string; frozen: number | string };
}

/** By how much the balance changed, fees apart, and nonces beyond those that transactions used up. */
function netAccount(branch: Branch, who: string | undefined, before: Account, after: Account): string | undefined {
  const paid = (who !== undefined && branch.fees.get(who)) || 0n;
  const used = (who !== undefined && branch.included.get(who)) || 0;
  const free = BigInt(after.data.free) - BigInt(before.data.free) + paid;
  const nonce = after.nonce - before.nonce - used;
  const { consumers, providers, sufficients, data } = after;
  if (free === 0n && nonce === 0 && providers === before.providers) return undefined;
  return JSON.stringify({
    free: String(free),
    nonce,
    consumers,
    providers,
    sufficients,
    reserved: data.reserved,
    frozen: data.frozen,
  });
}
