import type { RuntimeState } from '../../runtime.ts';
import { type CallDescription, ensureRoot, type Pallet } from '../pallet.ts';
import { defineStorage, optionalMap, plain } from '../storage.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Quicknet, drand's unchained 3-second beacon (https://docs.drand.love/docs/dev-guide/developer/#public-endpoints). */
const QUICKNET = {
  public_key: bytes(
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  ),
  period: 3,
  genesis_time: 1_692_803_367,
  hash: bytes('52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971'),
  group_hash: bytes('f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e'),
  scheme_id: text('bls-unchained-g1-rfc9380'),
  metadata: { beacon_id: text('quicknet') },
};

export const drandStorage = defineStorage('Drand', {
  BeaconConfig: plain('BeaconConfiguration', QUICKNET),
  Pulses: optionalMap([['Blake2_128Concat', 'u64']], 'Pulse'),
  LastStoredRound: plain('u64', 0n),
  OldestStoredRound: plain('u64', 0n),
});

/**
 * The signature of a round, once its pulse is on chain. Pulses used to be stored with their signature in hexadecimal,
 * hence the tolerated "0x".
 */
export function pulseSignature(state: RuntimeState, round: bigint): Uint8Array | undefined {
  const signature = drandStorage.Pulses.get(state, round)?.signature;
  if (signature === undefined) return undefined;
  return signature[0] === 0x30 && signature[1] === 0x78 ? signature.subarray(2) : signature;
}

const calls: Readonly<Record<string, CallDescription>> = {
  set_oldest_stored_round: {
    index: 2,
    args: { oldest_round: 'u64' },
    dispatch: (context, origin, { oldest_round }: { oldest_round: bigint }) => {
      ensureRoot(origin);
      drandStorage.OldestStoredRound.put(context.state, oldest_round);
      context.deposit('Drand', 'SetOldestStoredRound', oldest_round);
    },
  },
};

/**
 * A real node fetches pulses from drand's public servers and writes them by an unsigned call. A devnet is offline: its
 * pulses come from its own beacon or by dev_setStorage, so write_pulse is not described.
 */
export const drandPallet: Pallet = {
  name: 'Drand',
  index: 26,
  path: 'pallet_drand::pallet',
  storage: drandStorage,
  calls,
  events: [
    ['NewPulse', 1, { rounds: 'Vec<u64>' }],
    ['SetOldestStoredRound', 2, ['u64']],
  ],
  errors: [
    'NoneValue',
    'StorageOverflow',
    'DrandConnectionFailure',
    'UnverifiedPulse',
    'InvalidRoundNumber',
    'PulseVerificationError',
  ],
};
