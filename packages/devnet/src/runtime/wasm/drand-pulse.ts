import { blake2b, sha256, twox } from '@polkadot/wasm-crypto';
import { fromHex, ScaleWriter, toHex } from '../../scale/bytes.ts';

/** Randomness of one round of the drand quicknet beacon. */
export interface DrandPulse {
  round: number;
  /** 48-byte signature, '0x…'. */
  signature: string;
}

const NO_KEY = new Uint8Array();
const item = (pallet: string, name: string): Buffer =>
  Buffer.concat([twox(Buffer.from(pallet), 2), twox(Buffer.from(name), 2)]);

/**
 * The storage entries that put a pulse on a chain whose node cannot fetch it, as dev_setStorage takes them:
 * Drand.Pulses[round] and Drand.LastStoredRound. Timelocked weights and commitments of that round are then revealed.
 */
export function drandPulseEntries({ round, signature }: DrandPulse): [key: string, value: string][] {
  const number = new ScaleWriter().uint(round, 8).finish();
  const proof = fromHex(signature);
  const pulse = new ScaleWriter().raw(number).bytes(sha256(proof)).bytes(proof).finish();
  const pulseKey = Buffer.concat([item('Drand', 'Pulses'), blake2b(number, NO_KEY, 16), number]);
  return [
    [toHex(pulseKey), toHex(pulse)],
    [toHex(item('Drand', 'LastStoredRound')), toHex(number)],
  ];
}
