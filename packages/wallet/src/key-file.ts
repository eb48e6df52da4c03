import { hexToU8a, isHex, u8aEq, u8aToHex } from '@polkadot/util';
import { decodeAddress } from '@polkadot/util-crypto';
import { OperatorError } from '@tuning/kit';
import { z } from 'zod';
import {
  addressOf,
  canonicalOf,
  isConsistent,
  type KeyPair,
  pairFromCanonical,
  pairFromSeed,
  seedOfMnemonic,
} from './key-pair.ts';

/** Files of old tools carry null for what is absent. */
const text = z
  .string()
  .max(4096)
  .nullish()
  .transform((value) => value ?? undefined);

/** Scheme of a key as btwallet 4.1 notes it: 0 ed25519, 1 sr25519. Older files know only sr25519 and say nothing. */
const SR25519 = 1;

/** The plain JSON of a key file (opentensor/btwallet src/keyfile.rs): strings but for cryptoType, any may be absent. */
const keyFileSchema = z.object({
  cryptoType: z.number().int().nullish(),
  accountId: text,
  publicKey: text,
  privateKey: text,
  secretPhrase: text,
  secretSeed: text,
  ss58Address: text,
});
type KeyFields = z.infer<typeof keyFileSchema>;

/** What a key file gives: the pair, or only an address when the file holds no secret. */
export interface KeyFileContent {
  address: string;
  pair: KeyPair | undefined;
}

/**
 * Reads the plain JSON of a key file. Precedence as btwallet: secretPhrase, secretSeed, privateKey, ss58Address.
 * @throws OperatorError `WALLET_INVALID` naming `path`, also when the public parts do not belong to the secret;
 * `WALLET_UNSUPPORTED` for the secret of an ed25519 key.
 */
export async function parseKeyFile(json: Uint8Array, path: string): Promise<KeyFileContent> {
  const fields = parseFields(json, path);
  const declared = declaredPublicKey(fields, path);
  // An address is an address whatever its scheme, but a secret of another one would give another key here.
  const secret = fields.secretPhrase ?? fields.secretSeed ?? fields.privateKey;
  if (secret !== undefined && (fields.cryptoType ?? SR25519) !== SR25519) {
    throw new OperatorError(
      'WALLET_UNSUPPORTED',
      `the key file ${path} holds an ed25519 key, and only sr25519 keys can sign here: use or make an sr25519 key, which is what btcli makes unless told otherwise`,
    );
  }
  const pair = await pairOf(fields, declared, path);
  if (!pair) {
    if (!declared) throw invalid(path, 'holds neither a secret nor an address');
    return { address: addressOf(declared), pair: undefined };
  }
  if (declared && !u8aEq(declared, pair.publicKey)) {
    throw invalid(
      path,
      `says it belongs to ${addressOf(declared)}, but its secret is that of ${addressOf(pair.publicKey)}`,
    );
  }
  return { address: addressOf(pair.publicKey), pair };
}

/** The plain JSON of a key file with every secret form that is known, as btwallet writes it. */
export function serialiseKeyFile(pair: KeyPair, secrets: { mnemonic?: string; seed?: Uint8Array }): Uint8Array {
  const canonical = canonicalOf(pair.secretKey);
  const json = toJson({
    ...publicFields(pair.publicKey),
    privateKey: u8aToHex(canonical),
    ...(secrets.mnemonic === undefined ? {} : { secretPhrase: secrets.mnemonic }),
    ...(secrets.seed === undefined ? {} : { secretSeed: u8aToHex(secrets.seed) }),
    ss58Address: addressOf(pair.publicKey),
  });
  canonical.fill(0);
  return json;
}

/** The JSON of a `…pub.txt` file. */
export function serialisePublicFile(publicKey: Uint8Array): Uint8Array {
  return toJson({ ...publicFields(publicKey), ss58Address: addressOf(publicKey) });
}

/** @throws TypeError when a value is not a string: other readers of the format refuse such a file. */
export function toJson(fields: Readonly<Record<string, string>>): Uint8Array {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value !== 'string') throw new TypeError(`a key file holds strings only, and ${key} is ${typeof value}`);
  }
  return new TextEncoder().encode(JSON.stringify(fields));
}

function publicFields(publicKey: Uint8Array): { accountId: string; publicKey: string } {
  const hex = u8aToHex(publicKey);
  return { accountId: hex, publicKey: hex };
}

function parseFields(json: Uint8Array, path: string): KeyFields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    // The parser's own message quotes the text, which is a secret here.
    throw invalid(path, 'is not a JSON key file');
  }
  const parsed = keyFileSchema.safeParse(value);
  if (!parsed.success) {
    const keys = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
    throw invalid(path, `is not a key file (wrong: ${keys})`);
  }
  return parsed.data;
}

/** The public key that the file's public parts name; all of them must agree. */
function declaredPublicKey(fields: KeyFields, path: string): Uint8Array | undefined {
  const keys: Uint8Array[] = [];
  for (const name of ['publicKey', 'accountId'] as const) {
    if (fields[name] !== undefined) keys.push(bytes(fields[name], 32, name, path));
  }
  if (fields.ss58Address !== undefined) {
    try {
      keys.push(decodeAddress(fields.ss58Address));
    } catch {
      throw invalid(path, 'has an ss58Address that is not an address');
    }
  }
  if (keys.some((key) => !u8aEq(key, keys[0]!))) {
    throw invalid(path, 'names different keys in accountId, publicKey and ss58Address');
  }
  return keys[0];
}

async function pairOf(fields: KeyFields, declared: Uint8Array | undefined, path: string): Promise<KeyPair | undefined> {
  if (fields.secretPhrase !== undefined) {
    try {
      return pairFromSeed(await seedOfMnemonic(fields.secretPhrase));
    } catch {
      throw invalid(path, 'has a secretPhrase that is not a valid mnemonic');
    }
  }
  if (fields.secretSeed !== undefined) return pairFromSeed(bytes(fields.secretSeed, 32, 'secretSeed', path));
  if (fields.privateKey !== undefined) {
    const canonical = bytes(fields.privateKey, 64, 'privateKey', path);
    if (!declared) throw invalid(path, 'has a privateKey but no publicKey to check it by');
    const pair = pairFromCanonical(canonical, declared);
    if (!isConsistent(pair)) {
      throw invalid(path, `has a privateKey that is not that of its public key ${addressOf(declared)}`);
    }
    return pair;
  }
  return undefined;
}

function bytes(hex: string, length: number, name: string, path: string): Uint8Array {
  const prefixed = hex.startsWith('0x') ? hex : `0x${hex}`;
  if (!isHex(prefixed, length * 8)) throw invalid(path, `has a ${name} that is not ${length} bytes of hex`);
  return hexToU8a(prefixed);
}

function invalid(path: string, what: string): OperatorError {
  return new OperatorError('WALLET_INVALID', `the key file ${path} ${what}: restore it from your backup or mnemonic`);
}
