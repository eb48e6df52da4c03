import './promise-shim.ts';
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { errorCode, errorMessage, OperatorError, writeFileAtomic } from '@tuning/kit';

/** Algorithm byte of an ed25519 certificate in `serve_axon_tls`. */
export const CERTIFICATE_ED25519 = 0xed;

/** The libp2p key of one neuron: random ed25519, never derived from the hotkey, kept on disk. */
export interface PeerIdentity {
  /** ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What `serve_axon_tls` publishes: 0xED ‖ public key, 33 bytes. */
  readonly certificate: Uint8Array;
  readonly peerId: string;
  readonly privateKey: Ed25519PrivateKey;
}

/**
 * Reads the key file (libp2p's protobuf encoding); makes it on the first start, mode 0600 in a folder of mode 0700.
 * @throws OperatorError `PEER_KEY_INVALID` for a file that holds no ed25519 key, `PEER_KEY_UNREADABLE` where the file
 * system refuses.
 */
export async function loadPeerIdentity(file: string): Promise<PeerIdentity> {
  const bytes = (await readKey(file)) ?? (await createKey(file));
  let key: ReturnType<typeof privateKeyFromProtobuf>;
  try {
    key = privateKeyFromProtobuf(bytes);
  } catch (error) {
    throw invalidKey(file, error);
  }
  if (key.type !== 'Ed25519') throw invalidKey(file);
  const publicKey = Uint8Array.from(key.publicKey.raw);
  return {
    publicKey,
    certificate: Uint8Array.of(CERTIFICATE_ED25519, ...publicKey),
    peerId: peerIdFromPrivateKey(key).toString(),
    privateKey: key,
  };
}

async function readKey(file: string): Promise<Uint8Array | undefined> {
  try {
    // The key is ours alone; a copy or a backup tool may have opened its mode.
    if ((await stat(file)).mode & 0o077) await chmod(file, 0o600);
    return await readFile(file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unreadableKey(file, error);
  }
}

async function createKey(file: string): Promise<Uint8Array> {
  const bytes = privateKeyToProtobuf(await generateKeyPair('Ed25519'));
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFileAtomic(temporary, bytes, 0o600);
    // link, not rename: of two processes that start at once the second must keep the first one's key.
    await link(temporary, file);
    return bytes;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return await readFile(file);
    throw unreadableKey(file, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

function invalidKey(file: string, cause?: unknown): OperatorError {
  return new OperatorError(
    'PEER_KEY_INVALID',
    `${file} holds no ed25519 libp2p key: restore it from a backup, or delete it and a new one is made and published`,
    { cause },
  );
}

function unreadableKey(file: string, cause: unknown): OperatorError {
  const message = `cannot read or create the libp2p key ${file} (${errorMessage(cause)}): check the folder's owner`;
  return new OperatorError('PEER_KEY_UNREADABLE', message, { cause });
}
