import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';
import { HttpError } from './http-error.ts';

export type TokenRole = 'read' | 'write';

/** Who a request speaks for. */
export interface Identity {
  namespace: string;
  role: TokenRole;
  createdAt: string;
}

const fileSchema = z.array(
  z.object({ sha256: z.string(), namespace: z.string(), role: z.enum(['read', 'write']), createdAt: z.string() }),
);

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function base62(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 62n) text = ALPHABET[Number(value % 62n)] + text;
  return text;
}

/** Access tokens. Only sha256 of each is kept: 32 random bytes need no slow hash. */
export class TokenStore {
  readonly #file: string;
  readonly #tokens: (Identity & { hash: Buffer })[];
  #saving: Promise<void> = Promise.resolve();

  private constructor(file: string, tokens: (Identity & { hash: Buffer })[]) {
    this.#file = file;
    this.#tokens = tokens;
  }

  static async open(root: string): Promise<TokenStore> {
    const file = join(root, 'tokens.json');
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    const rows = fileSchema.parse(JSON.parse(text));
    return new TokenStore(
      file,
      rows.map(({ sha256, ...rest }) => ({ ...rest, hash: Buffer.from(sha256, 'hex') })),
    );
  }

  async create(namespace: string, role: TokenRole): Promise<string> {
    const token = `hf_${base62(randomBytes(32))}`;
    this.#tokens.push({ namespace, role, createdAt: new Date().toISOString(), hash: hashOf(token) });
    // One write after the other: an older list must not replace a newer one.
    const saved = this.#saving.then(() => {
      const rows = this.#tokens.map(({ hash, ...rest }) => ({ ...rest, sha256: hash.toString('hex') }));
      return writeFileAtomic(this.#file, JSON.stringify(rows));
    });
    this.#saving = saved.catch(() => {});
    await saved;
    return token;
  }

  /**
   * Reads an Authorization header: `Bearer <token>`, or `Basic` with the token as password (git-lfs).
   * @returns undefined without a header. @throws HttpError 401 for a token that is not known, even on public repos.
   */
  authenticate(header: string | undefined): Identity | undefined {
    if (header === undefined) return undefined;
    const [scheme, value = ''] = header.split(' ');
    const token =
      scheme?.toLowerCase() === 'basic'
        ? Buffer.from(value, 'base64').toString().split(':').slice(1).join(':')
        : scheme?.toLowerCase() === 'bearer'
          ? value
          : '';
    const hash = hashOf(token);
    let found: Identity | undefined;
    for (const known of this.#tokens) if (timingSafeEqual(known.hash, hash)) found = known;
    if (!found) throw new HttpError(401, 'Invalid credentials in Authorization header');
    return found;
  }
}
