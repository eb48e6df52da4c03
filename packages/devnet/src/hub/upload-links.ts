import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@tuning/kit';
import { HttpError } from './http-error.ts';

/** What one signed upload URL allows: these bytes into this repo, until then, while the token that asked is good. */
export interface UploadRight {
  /** `PUT`: the object at once; `PART`: one part of it; `DONE`: putting its parts together. */
  action: 'PUT' | 'PART' | 'DONE';
  repoId: string;
  sha256: string;
  size: number;
  tokenId: string;
  /** Bytes of every part but the last; 0 where the object is not sent in parts. */
  chunk: number;
  /** From 1; 0 where no part is meant. */
  part: number;
  /** Seconds since 1970. */
  expires: number;
}

const LIFETIME_S = 3600;

/**
 * Signs upload URLs. The JS client sends neither its token nor the headers of the offer with the PUT, so the URL itself
 * must carry the right. The key is on disk: links outlive a restart.
 */
export class UploadLinks {
  readonly #key: Buffer;

  private constructor(key: Buffer) {
    this.#key = key;
  }

  static async open(root: string): Promise<UploadLinks> {
    const file = join(root, 'upload.key');
    const stored = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (stored?.length === 32) return new UploadLinks(stored);
    const key = randomBytes(32);
    await writeFileAtomic(file, key);
    return new UploadLinks(key);
  }

  /** Path and query of a request with this right. */
  link(right: Omit<UploadRight, 'expires'>): string {
    const expires = Math.floor(Date.now() / 1000) + LIFETIME_S;
    const { action, repoId, sha256, size, tokenId, chunk, part } = right;
    const parts = action === 'PUT' ? '' : `&chunk=${chunk}${action === 'PART' ? `&part=${part}` : ''}`;
    const sig = this.#sign({ ...right, expires }).toString('hex');
    return `/_lfs/${repoId}/${sha256}?do=${action}&size=${size}${parts}&by=${tokenId}&exp=${expires}&sig=${sig}`;
  }

  /** @throws HttpError 403 if the link was not signed here, was changed, or is too old. */
  check(repoId: string, sha256: string, query: URLSearchParams): UploadRight {
    const right: UploadRight = {
      // Whatever else stands there has no signature that fits.
      action: query.get('do') as UploadRight['action'],
      repoId,
      sha256,
      size: Number(query.get('size')),
      tokenId: query.get('by') ?? '',
      chunk: Number(query.get('chunk')),
      part: Number(query.get('part')),
      expires: Number(query.get('exp')),
    };
    const given = Buffer.from(query.get('sig') ?? '', 'hex');
    const wanted = this.#sign(right);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted) || right.expires * 1000 < Date.now()) {
      throw new HttpError(403, 'This upload link is not valid or has expired');
    }
    return right;
  }

  #sign(right: UploadRight): Buffer {
    const { action, repoId, sha256, size, tokenId, chunk, part, expires } = right;
    const text = [action, repoId, sha256, size, tokenId, chunk, part, expires].join('|');
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
