import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { OperatorError, type Secret } from '@tuning/kit';

/**
 * Format of an encrypted key file (opentensor/btwallet src/keyfile.rs): `$NACL` ‖ nonce 24 ‖ secretbox of the plain JSON;
 * key = argon2i13(password, fixed salt, 8 passes, 512 MiB).
 */
const PREFIX = new TextEncoder().encode('$NACL');
const NONCE_BYTES = 24;
const TAG_BYTES = 16;
const KDF = {
  salt: Buffer.from('137183dff15a09bc9c90b5518739e9b1', 'hex'),
  passes: 8,
  // libsodium's own SENSITIVE constants are argon2id's and give another key.
  memoryBytes: 512 * 1024 * 1024,
} as const;
/** The derivation takes 6 s on a fast machine; a swapping one may need minutes. */
const KDF_DEADLINE_MS = 180_000;

export type Encryption = 'none' | 'nacl' | 'ansible' | 'fernet' | 'unknown';

/** Told apart by the first bytes, as btwallet does. */
export function encryptionOf(file: Uint8Array): Encryption {
  const start = Buffer.from(file.subarray(0, 16)).toString('latin1');
  if (start.startsWith('{')) return 'none';
  if (start.startsWith('$NACL')) return 'nacl';
  if (start.startsWith('$ANSIBLE_VAULT')) return 'ansible';
  if (start.startsWith('gAAAAA')) return 'fernet';
  return 'unknown';
}

/** Of the forms that only old tools write: what is wrong and what to do, to follow the file's name. */
export function outdatedEncryption(encryption: 'ansible' | 'fernet'): string {
  const format = encryption === 'ansible' ? 'Ansible Vault' : 'Fernet';
  return `is encrypted in the outdated ${format} format: move it away and restore the key from its mnemonic (tuning wallet import), or convert it with an old btcli that still has \`btcli w update\``;
}

/**
 * The plain JSON inside a `$NACL` file.
 * @throws OperatorError `WALLET_WRONG_PASSWORD` or `WALLET_INVALID` (cut off).
 */
export async function openBox(file: Uint8Array, password: Secret, path: string): Promise<Uint8Array> {
  if (file.length <= PREFIX.length + NONCE_BYTES + TAG_BYTES) {
    throw new OperatorError(
      'WALLET_INVALID',
      `the key file ${path} is cut off: restore it from your backup or mnemonic`,
    );
  }
  const nonce = file.slice(PREFIX.length, PREFIX.length + NONCE_BYTES);
  const plain = await runKdf('open', password, nonce, file.slice(PREFIX.length + NONCE_BYTES));
  if (!plain) {
    throw new OperatorError(
      'WALLET_WRONG_PASSWORD',
      `the password does not open ${path}: nothing was changed, try again`,
    );
  }
  return plain;
}

/** A `$NACL` file around `plain`. `nonce` is for tests; by default 24 random bytes. */
export async function sealBox(
  plain: Uint8Array,
  password: Secret,
  nonce: Uint8Array = crypto.getRandomValues(new Uint8Array(NONCE_BYTES)),
): Promise<Uint8Array> {
  const box = await runKdf('seal', password, nonce, plain);
  if (!box) throw new OperatorError('WALLET_KDF_FAILED', 'could not encrypt the key: nothing was written');
  return Buffer.concat([PREFIX, nonce, box]);
}

/** The 32-byte key of a password; exported for its test vector. */
export async function deriveKey(password: Secret): Promise<Uint8Array> {
  return (await runKdf('derive', password, new Uint8Array(), new Uint8Array())) ?? new Uint8Array();
}

/**
 * Runs in a worker thread: the derivation computes for seconds and fills 512 MiB of WebAssembly memory, which only
 * goes back to the system when the thread ends. The source is a string so that it runs from TypeScript and from dist.
 */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const sodium = require(workerData.library);
sodium.ready.then(() => {
  const { task, password, nonce, data, kdf } = workerData;
  const key = sodium.crypto_pwhash(32, password, kdf.salt, kdf.passes, kdf.memoryBytes, sodium.crypto_pwhash_ALG_ARGON2I13);
  password.fill(0);
  let result;
  if (task === 'derive') result = Uint8Array.from(key);
  else if (task === 'seal') result = sodium.crypto_secretbox_easy(data, nonce, key);
  else try { result = sodium.crypto_secretbox_open_easy(data, nonce, key); } catch { result = undefined; }
  key.fill(0);
  data.fill(0);
  parentPort.postMessage(result);
});
`;

async function runKdf(
  task: 'open' | 'seal' | 'derive',
  password: Secret,
  nonce: Uint8Array,
  data: Uint8Array,
): Promise<Uint8Array | undefined> {
  // btwallet trims what was typed.
  const passwordBytes = new TextEncoder().encode(password.reveal().trim());
  const library = createRequire(import.meta.url).resolve('libsodium-wrappers-sumo');
  const worker = new Worker(WORKER, {
    eval: true,
    // Not the parent's: a test runner's loader flags do not apply to this plain script.
    execArgv: [],
    workerData: { library, task, password: passwordBytes, nonce, data, kdf: KDF },
  });
  passwordBytes.fill(0);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const fail = (cause: unknown) =>
        reject(
          new OperatorError(
            'WALLET_KDF_FAILED',
            'could not derive the key from the password: it needs 512 MiB of free memory and some seconds',
            { cause },
          ),
        );
      timer = setTimeout(() => fail(new Error(`not done after ${KDF_DEADLINE_MS} ms`)), KDF_DEADLINE_MS);
      worker.once('message', resolve);
      worker.once('error', fail);
      worker.once('exit', () => fail(new Error('the worker ended early')));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
