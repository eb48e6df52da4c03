import { Keyring } from '@polkadot/keyring';
import { commitHash } from '../../src/runtime/emulated/pallets/subtensor/hashed-weights.ts';
import { toHex } from '../../src/scale/bytes.ts';

/** Weights to commit to and to reveal: few, so that random calls meet what others committed. */
export interface Payload {
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly salt: readonly number[];
  readonly versionKey: number;
}

export const PAYLOADS: readonly Payload[] = [
  { uids: [0, 1, 2], values: [10, 20, 30], salt: [1, 2, 3], versionKey: 0 },
  { uids: [1], values: [65_535], salt: [], versionKey: 0 },
  { uids: [0, 2], values: [7], salt: [9], versionKey: 10 },
];

const keyring = new Keyring({ type: 'sr25519' });
const accounts = new Map<string, string>();

function accountOf(nickname: string): string {
  const known = accounts.get(nickname);
  if (known) return known;
  const account = toHex(keyring.createFromUri(`//${nickname.slice(1)}`).publicKey);
  accounts.set(nickname, account);
  return account;
}

/** '0x…', as commit_weights wants it. Vectors of a real chain hold this hash elsewhere. */
export function payloadHash(by: string, netuid: number, { uids, values, salt, versionKey }: Payload): string {
  return commitHash(accountOf(by), netuid, {
    uids: [...uids],
    values: [...values],
    salt: [...salt],
    version_key: BigInt(versionKey),
  });
}
