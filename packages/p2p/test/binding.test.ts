import '../src/promise-shim.ts';
import { readFileSync } from 'node:fs';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { Signer } from '@tuning/kit';
import { beforeAll, describe, expect, it } from 'vitest';
import { bindingBytes, CERTIFICATE_LIFE_MS, CLOCK_SKEW_MS, refuseHello, signHello } from '../src/binding.ts';
import { peerIdOf } from '../src/peer-key.ts';
import { FakeDirectory, GENESIS, NETUID, signerOf } from './network.ts';

/** Made by a separate implementation from the documented layout. */
const vector = JSON.parse(readFileSync(new URL('./vectors/binding.json', import.meta.url), 'utf8'));

describe('the golden vector', () => {
  const peerId = peerIdOf(Buffer.from(vector.peerPublicKey, 'hex'));

  it('has the same PeerId and the same bytes', () => {
    expect(peerId.toString()).toBe(vector.peerId);
    const bytes = bindingBytes({ ...vector, hotkey: Buffer.from(vector.hotkeyPublicKey, 'hex'), peerId });
    expect(Buffer.from(bytes).toString('hex')).toBe(vector.bytes);
  });

  it('has a signature that we accept, and not with one bit changed', () => {
    const directory = new FakeDirectory();
    const publicKey = Buffer.from(vector.peerPublicKey, 'hex');
    directory.set({ hotkey: vector.hotkey, host: undefined, port: 0, publicKey, permit: false });
    const { hotkey, notBefore, notAfter, signature, genesisHash, netuid } = vector;
    const context = { genesisHash, netuid, remotePeer: peerId, directory, now: notBefore };
    expect(refuseHello({ hotkey, notBefore, notAfter, signature }, context)).toBeUndefined();
    // The first has no valid form (the marker bit is gone), the second a valid form with other numbers.
    for (const forged of [`${signature.slice(0, -2)}00`, `${'0'.repeat(64)}${signature.slice(64)}`, 'f'.repeat(128)]) {
      const hello = { hotkey, notBefore, notAfter, signature: forged };
      expect(refuseHello(hello, context), forged).toBe('HELLO_BAD_SIGNATURE');
    }
    const stretched = { hotkey, notBefore, notAfter: notAfter + 1, signature };
    expect(refuseHello(stretched, context)).toBe('HELLO_BAD_SIGNATURE');
  });
});

describe('refuseHello', () => {
  const now = 1_790_000_000_000;
  const scope = { genesisHash: GENESIS, netuid: NETUID };
  const peerOf = async () => {
    const key = await generateKeyPair('Ed25519');
    return { peerId: peerIdFromPrivateKey(key), publicKey: key.publicKey.raw };
  };
  let signer: Signer;
  let mine: Awaited<ReturnType<typeof peerOf>>;
  let directory: FakeDirectory;

  beforeAll(async () => {
    signer = await signerOf(1);
    mine = await peerOf();
    directory = new FakeDirectory();
    directory.set({ hotkey: signer.address, host: undefined, port: 0, publicKey: mine.publicKey, permit: false });
  });
  const context = (patch: object = {}) => ({ ...scope, remotePeer: mine.peerId, directory, now, ...patch });

  it('takes a good one for its whole life and a minute of clock skew', () => {
    const hello = signHello(signer, scope, mine.peerId, now);
    expect(JSON.stringify(hello).length).toBeLessThan(300);
    for (const [at, refusal] of [
      [now, undefined],
      [now - CLOCK_SKEW_MS, undefined],
      [now + CERTIFICATE_LIFE_MS + CLOCK_SKEW_MS, undefined],
      [now - CLOCK_SKEW_MS - 1, 'HELLO_TIME_WINDOW'],
      [now + CERTIFICATE_LIFE_MS + CLOCK_SKEW_MS + 1, 'HELLO_TIME_WINDOW'],
    ] as const) {
      expect(refuseHello(hello, context({ now: at })), String(at - now)).toBe(refusal);
    }
  });

  it('refuses certificates that would live too long, or end before they start', () => {
    const hello = signHello(signer, scope, mine.peerId, now);
    expect(refuseHello({ ...hello, notAfter: now + 26 * 3_600_000 }, context())).toBe('HELLO_TIME_WINDOW');
    expect(refuseHello({ ...hello, notAfter: now - 1 }, context())).toBe('HELLO_TIME_WINDOW');
  });

  it('refuses one for another chain, subnet or peer', async () => {
    const hello = signHello(signer, scope, mine.peerId, now);
    const thief = await peerOf();
    for (const patch of [{ genesisHash: `0x${'22'.repeat(32)}` }, { netuid: 8 }, { remotePeer: thief.peerId }]) {
      expect(refuseHello(hello, context(patch)), Object.keys(patch)[0]).toBe('HELLO_BAD_SIGNATURE');
    }
  });

  it('refuses a hotkey that is no address, is not registered, or publishes another key', async () => {
    const hello = signHello(signer, scope, mine.peerId, now);
    const broken = `${hello.hotkey.slice(0, -1)}${hello.hotkey.endsWith('a') ? 'b' : 'a'}`;
    expect(refuseHello({ ...hello, hotkey: broken }, context())).toBe('HELLO_BAD_HOTKEY');
    const stranger = signHello(await signerOf(9), scope, mine.peerId, now);
    expect(refuseHello(stranger, context())).toBe('HELLO_NOT_REGISTERED');
    const rotated = await peerOf();
    const fresh = signHello(signer, scope, rotated.peerId, now);
    expect(refuseHello(fresh, context({ remotePeer: rotated.peerId }))).toBe('HELLO_KEY_MISMATCH');
  });
});
