import type { PeerId } from '@libp2p/interface';
import { decodeAddress, sr25519Verify } from '@polkadot/util-crypto';
import type { Signer } from '@tuning/kit';
import type { Hello } from '@tuning/protocol';
import type { PeerDirectory } from './directory.ts';
import { ed25519KeyOf, sameBytes } from './peer-key.ts';

/** Clocks of two honest machines differ by less. */
export const CLOCK_SKEW_MS = 60_000;
/** Life of a certificate; a leaked PeerId key is useless after it. */
export const CERTIFICATE_LIFE_MS = 24 * 3_600_000;
/** Longest life accepted: ours and an hour, so that nobody signs one for ever. */
export const MAX_CERTIFICATE_LIFE_MS = 25 * 3_600_000;

/** The chain and subnet a certificate is for. */
export interface BindingScope {
  /** '0x' + 64 hex digits. */
  readonly genesisHash: string;
  readonly netuid: number;
}

/**
 * The bytes that a hotkey signs to say "this PeerId speaks for me":
 * `"tuning/p2p-binding/1\0" ‖ genesisHash(32) ‖ netuid u16le ‖ hotkey(32) ‖ u16le length ‖ peerId multihash ‖
 * notBefore u64le ‖ notAfter u64le`, times in ms. No nonce: noise has proved that the peer holds the PeerId's key.
 */
export function bindingBytes(
  args: BindingScope & { hotkey: Uint8Array; peerId: PeerId; notBefore: number; notAfter: number },
): Uint8Array {
  const multihash = args.peerId.toMultihash().bytes;
  const genesis = Buffer.from(args.genesisHash.replace(/^0x/, ''), 'hex');
  if (genesis.length !== 32) throw new RangeError(`genesis hash ${args.genesisHash} is not 32 bytes of hex`);
  const numbers = Buffer.alloc(20);
  numbers.writeUInt16LE(args.netuid, 0);
  numbers.writeUInt16LE(multihash.length, 2);
  numbers.writeBigUInt64LE(BigInt(args.notBefore), 4);
  numbers.writeBigUInt64LE(BigInt(args.notAfter), 12);
  return Buffer.concat([
    Buffer.from('tuning/p2p-binding/1\0', 'ascii'),
    genesis,
    numbers.subarray(0, 2),
    args.hotkey,
    numbers.subarray(2, 4),
    multihash,
    numbers.subarray(4),
  ]);
}

/** A fresh certificate for `peerId`, valid from `now` for 24 h. */
export function signHello(signer: Signer, scope: BindingScope, peerId: PeerId, now: number): Hello {
  const [notBefore, notAfter] = [now, now + CERTIFICATE_LIFE_MS];
  const message = bindingBytes({ ...scope, hotkey: signer.publicKey, peerId, notBefore, notAfter });
  return { hotkey: signer.address, notBefore, notAfter, signature: Buffer.from(signer.sign(message)).toString('hex') };
}

/** Why a hello is refused; also the code sent to the other side. */
export type HelloRefusal =
  | 'HELLO_TIME_WINDOW'
  | 'HELLO_BAD_HOTKEY'
  | 'HELLO_NOT_REGISTERED'
  | 'HELLO_BAD_SIGNATURE'
  | 'HELLO_KEY_MISMATCH';

/**
 * Checks a hello of the right shape, cheapest first: time window, hotkey registered, signature over *our* genesis and
 * netuid and the PeerId that noise proved (so one made for another chain, subnet or peer has a bad signature), and that
 * the chain publishes this very key for the hotkey.
 * @returns undefined when it is good.
 */
export function refuseHello(
  hello: Hello,
  context: BindingScope & { remotePeer: PeerId; directory: PeerDirectory; now: number },
): HelloRefusal | undefined {
  const { notBefore, notAfter } = hello;
  const { now, remotePeer } = context;
  if (notBefore > now + CLOCK_SKEW_MS || notAfter < now - CLOCK_SKEW_MS) return 'HELLO_TIME_WINDOW';
  if (notAfter < notBefore || notAfter - notBefore > MAX_CERTIFICATE_LIFE_MS) return 'HELLO_TIME_WINDOW';
  const hotkey = decodeHotkey(hello.hotkey);
  if (!hotkey) return 'HELLO_BAD_HOTKEY';
  const entry = context.directory.byHotkey(hello.hotkey);
  if (!entry) return 'HELLO_NOT_REGISTERED';
  const message = bindingBytes({ ...context, hotkey, peerId: remotePeer, notBefore, notAfter });
  if (!isSignedBy(hotkey, message, Buffer.from(hello.signature, 'hex'))) return 'HELLO_BAD_SIGNATURE';
  const key = ed25519KeyOf(remotePeer);
  return key && sameBytes(key, entry.publicKey) ? undefined : 'HELLO_KEY_MISMATCH';
}

/** sr25519Verify throws on signatures of the wrong form instead of saying no. */
function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return sr25519Verify(message, signature, publicKey);
  } catch {
    return false;
  }
}

/** Public key of an SS58 address with Subtensor's prefix 42, undefined where it is none. */
function decodeHotkey(address: string): Uint8Array | undefined {
  try {
    const key = decodeAddress(address, false, 42);
    return key.length === 32 ? key : undefined;
  } catch {
    return undefined;
  }
}
