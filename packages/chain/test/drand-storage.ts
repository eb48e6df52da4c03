import { createHash } from 'node:crypto';
import { TypeRegistry } from '@polkadot/types';
import { blake2AsU8a, xxhashAsU8a } from '@polkadot/util-crypto';
import { WebSocket } from 'ws';
import { beaconFromSecret } from '../src/timelock/beacon.ts';

const registry = new TypeRegistry();
const hex = (...parts: Uint8Array[]) => `0x${Buffer.concat(parts).toString('hex')}`;
const bytes = (content: Uint8Array) => registry.createType('Bytes', [...content]).toU8a();
const integer = (type: 'u32' | 'u64', value: number) => registry.createType(type, value).toU8a();
const item = (name: string) => [xxhashAsU8a('Drand', 128), xxhashAsU8a(name, 128)];

/** A drand network of a devnet's own: one round a second. */
export const devBeacon = {
  ...beaconFromSecret(new Uint8Array(32).fill(9)),
  genesisTime: Math.floor(Date.now() / 1000) - 1000,
  periodSeconds: 1,
};

/** `Drand.BeaconConfig`, as a key and a value. */
export function beaconConfigPair(): [string, string] {
  const { publicKey, genesisTime, periodSeconds } = devBeacon;
  const none = bytes(new Uint8Array());
  const times = [integer('u32', periodSeconds), integer('u32', genesisTime)];
  return [hex(...item('BeaconConfig')), hex(bytes(publicKey), ...times, none, none, none, none)];
}

/** `Drand.Pulses` of a round. */
export function pulsePair(round: number): [string, string] {
  const number = integer('u64', round);
  const signature = devBeacon.sign(round);
  const randomness = createHash('sha256').update(signature).digest();
  return [hex(...item('Pulses'), blake2AsU8a(number, 128), number), hex(number, bytes(randomness), bytes(signature))];
}

/** Writes raw storage into a devnet's newest block. */
export function putStorage(endpoint: string, pairs: [string, string][]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(endpoint);
    socket.on('open', () =>
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'dev_setStorage', params: [pairs] })),
    );
    socket.on('message', (data) => {
      const { error } = JSON.parse(String(data)) as { error?: { message: string } };
      socket.close();
      if (error) reject(new Error(error.message));
      else resolve();
    });
    socket.on('error', reject);
  });
}
