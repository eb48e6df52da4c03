import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { u8aToHex } from '@polkadot/util';
import { encodeAddress } from '@polkadot/util-crypto';

const SUBNET = '@subnet:';
/** Subnets whose accounts are named in outcomes. */
const NAMED_SUBNETS = 8;

/** The account that holds a subnet's TAO: 'modl', the id of the pallet, the netuid, zeros. */
function subnetAddress(netuid: number): string {
  const id = Buffer.alloc(32);
  id.write('modlsubtensr');
  id.writeUInt16LE(netuid, 12);
  return encodeAddress(id, 42);
}

/** Accounts by nickname: '@Bob' is //Bob. Every account that was asked for can be named again. */
export class Accounts {
  readonly #keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
  readonly #pairs = new Map<string, KeyringPair>();
  readonly #nicknames = new Map(
    Array.from({ length: NAMED_SUBNETS }, (_, netuid) => [subnetAddress(netuid), `${SUBNET}${netuid}`]),
  );

  pair(nickname: string): KeyringPair {
    const known = this.#pairs.get(nickname);
    if (known) return known;
    if (!/^@\w/.test(nickname)) throw new Error(`an account is named like @Bob, not "${nickname}"`);
    const pair = this.#keyring.createFromUri(`//${nickname.slice(1)}`);
    this.#pairs.set(nickname, pair);
    this.#nicknames.set(pair.address, nickname);
    return pair;
  }

  #address(nickname: string): string {
    if (nickname.startsWith(SUBNET)) return subnetAddress(Number(nickname.slice(SUBNET.length)));
    return this.pair(nickname).address;
  }

  publicKey(nickname: string): string {
    return u8aToHex(this.pair(nickname).publicKey);
  }

  /** Every '@…' in a value becomes an address. */
  resolve(value: unknown): unknown {
    if (typeof value === 'string') return value.startsWith('@') ? this.#address(value) : value;
    if (Array.isArray(value)) return value.map((one) => this.resolve(one));
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.resolve(one)]));
  }

  /** Every address in what a client decoded becomes a nickname, where it has one. */
  nameAll(value: unknown): unknown {
    if (typeof value === 'string') return this.#nicknames.get(value) ?? value;
    if (Array.isArray(value)) return value.map((one) => this.nameAll(one));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.nameAll(one)]));
  }
}
