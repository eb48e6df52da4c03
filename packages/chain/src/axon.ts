import { z } from 'zod';
import { bigUint, hexBytes, uint } from './chain-values.ts';
import { formatIp } from './ip-address.ts';

/** Where a neuron says it can be reached; the chain's `AxonInfo`. */
export interface Axon {
  /** Dotted or colon text; `0.0.0.0` when the neuron publishes no address. */
  ip: string;
  port: number;
  protocol: number;
  version: number;
  placeholder1: number;
  placeholder2: number;
}

/** Byte 0 of a published certificate when the rest is the ed25519 key of a libp2p identity. */
export const ED25519_CERTIFICATE = 0xed;
const ED25519_KEY_BYTES = 32;

/** `SubtensorModule.Axons`: AxonInfo with the block in which it was served. */
export const axonRow = z
  .object({
    block: uint,
    version: uint,
    ip: bigUint,
    port: uint,
    ipType: uint,
    protocol: uint,
    placeholder1: uint,
    placeholder2: uint,
  })
  .transform(({ block, ip, ipType, ...rest }) => ({
    block,
    axon: { ip: formatIp({ ip, type: ipType }), ...rest } as Axon,
  }));
export type AxonRow = z.output<typeof axonRow>;

/** `SubtensorModule.NeuronCertificates`: the published bytes, split by the chain into the first and the rest. */
export const certificateRow = z
  .object({ publicKey: hexBytes, algorithm: uint })
  .transform(({ publicKey, algorithm }) => Uint8Array.from([algorithm, ...publicKey]));

/** The peer key of a certificate, undefined when it is of another kind. */
export function peerKeyOf(certificate: Uint8Array | null | undefined): Uint8Array | undefined {
  if (certificate?.[0] !== ED25519_CERTIFICATE || certificate.length !== 1 + ED25519_KEY_BYTES) return undefined;
  return certificate.slice(1);
}
