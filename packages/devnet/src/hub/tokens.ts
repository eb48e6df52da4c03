import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';
import { HttpError } from './http-error.ts';

export type TokenRole = 'read' | 'write';

/** Who a request speaks for. */
export interface Identity {
  /** Names the token without giving it away: the first 16 hex digits of its sha256. */
  tokenId: string;
  namespace: string;
  role: TokenRole;
  /** Shown by whoami and in the refusal of an expired token. */
  displayName: string;
  createdAt: string;
  /** ISO time after which the token is refused; null: never. */
  expiresAt: string | null;
}

export interface TokenRequest {
  namespace: string;
  role: TokenRole;
  /** Default: the namespace. */
  displayName?: string;
  /** Default: valid until it is revoked. */
  expiresAt?: Date;
}

const fileSchema = z.array(
  z.object({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    namespace: z.string(),
    role: z.enum(['read', 'write']),
    createdAt: z.string(),
    // Absent in files of older hubs.
    displayName: z.string().optional(),
    expiresAt: z.string().nullish(),
  }),
);

interface StoredToken extends Identity {
  hash: Buffer;
}

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

/** What huggingface.co says to a token that it does not know, or no longer; Python compares this very text. */
function unknownToken(): HttpError {
  return new HttpError(401, 'Invalid credentials in Authorization header');
}

/** Access tokens. Only sha256 of each is kept: 32 random bytes need no slow hash. */
export class TokenStore {
  readonly #file: string;
  #tokens: StoredToken[];
  #saving: Promise<void> = Promise.resolve();

  private constructor(file: string, tokens: StoredToken[]) {
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
      rows.map(({ sha256, displayName, expiresAt, ...rest }) => ({
        ...rest,
        tokenId: sha256.slice(0, 16),
        displayName: displayName ?? rest.namespace,
        expiresAt: expiresAt ?? null,
        hash: Buffer.from(sha256, 'hex'),
      })),
    );
  }

  async create({ namespace, role, displayName = namespace, expiresAt }: TokenRequest): Promise<string> {
    const token = `hf_${base62(randomBytes(32))}`;
    const hash = hashOf(token);
    await this.#change((tokens) => [
      ...tokens,
      {
        tokenId: hash.toString('hex').slice(0, 16),
        namespace,
        role,
        displayName,
        createdAt: new Date().toISOString(),
        expiresAt: expiresAt?.toISOString() ?? null,
        hash,
      },
    ]);
    return token;
  }

  /** Refuses the token from now on, upload links made with it included. @returns false if it was not known. */
  async revoke(token: string): Promise<boolean> {
    const hash = hashOf(token);
    const known = this.#tokens.some((stored) => timingSafeEqual(stored.hash, hash));
    if (known) await this.#change((tokens) => tokens.filter((stored) => !timingSafeEqual(stored.hash, hash)));
    return known;
  }

  /** One write after the other: an older list must not replace a newer one. A list that can't be written is not used. */
  async #change(make: (tokens: StoredToken[]) => StoredToken[]): Promise<void> {
    const saved = this.#saving.then(async () => {
      const next = make(this.#tokens);
      const rows = next.map(({ hash, tokenId: _tokenId, ...rest }) => ({ ...rest, sha256: hash.toString('hex') }));
      await writeFileAtomic(this.#file, JSON.stringify(rows));
      this.#tokens = next;
    });
    this.#saving = saved.catch(() => {});
    await saved;
  }

  /**
   * Reads an Authorization header: `Bearer <token>`, or `Basic` with the token as password (git-lfs).
   * @returns undefined without a header. @throws HttpError 401 for a token that is unknown, revoked or expired, even on
   * public repos.
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
    let found: StoredToken | undefined;
    for (const known of this.#tokens) if (timingSafeEqual(known.hash, hash)) found = known;
    return checkedToken(found);
  }

  /** The token of this id, for rights that outlast one request. @throws HttpError 401 as `authenticate`. */
  requireLive(tokenId: string): Identity {
    return checkedToken(this.#tokens.find((known) => known.tokenId === tokenId));
  }
}

function checkedToken(token: StoredToken | undefined): Identity {
  if (!token) throw unknownToken();
  if (token.expiresAt !== null && Date.parse(token.expiresAt) <= Date.now()) {
    // The words of huggingface.co.
    throw new HttpError(401, `User Access Token "${token.displayName}" is expired`);
  }
  return token;
}
