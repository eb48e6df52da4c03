import { readFile } from 'node:fs/promises';
import type { Chain, HashedWeights } from '@tuning/chain';
import { errorCode, errorMessage, type Logger, type Signer, writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';

const u16 = z.number().int().min(0).max(65_535);
const bookSchema = z.array(
  z.object({
    netuid: u16,
    hotkey: z.string(),
    uids: z.array(u16),
    values: z.array(u16),
    salt: z.array(u16),
    versionKey: z.string().regex(/^\d+$/),
  }),
);

/**
 * Weights that were committed as a hash and must be revealed in a later epoch. Kept in a file before the commit is sent:
 * without the salt the weights are lost. (Timelocked commits need none of this, the chain opens them by itself.)
 */
export class RevealBook {
  readonly #file: string;
  readonly #logger: Logger;

  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  async keep(pending: HashedWeights): Promise<void> {
    await this.#write([...(await this.#read()), pending]);
  }

  /** Reveals what is due. @returns blocks to wait for the next, undefined where none is left. */
  async settle(chain: Chain, hotkey: Signer, signal: AbortSignal): Promise<number | undefined> {
    let wait: number | undefined;
    for (const pending of await this.#read()) {
      try {
        const { block } = await chain.revealWeights({ hotkey, pending }, { signal });
        this.#logger.info({ block: block.number }, 'weights revealed');
        await this.#drop(pending);
      } catch (error) {
        signal.throwIfAborted();
        const code = errorCode(error);
        if (code === 'NO_WEIGHTS_COMMIT_FOUND' || code === 'EXPIRED_WEIGHT_COMMIT') {
          this.#logger.warn({ code, error: errorMessage(error) }, 'committed weights can not be revealed any more');
          await this.#drop(pending);
          continue;
        }
        if (code !== 'REVEAL_TOO_EARLY') throw error;
        const blocks = Number((error as { details?: Record<string, unknown> }).details?.['blocksToWait'] ?? 1);
        wait = Math.min(wait ?? blocks, blocks);
      }
    }
    return wait;
  }

  async #drop(pending: HashedWeights): Promise<void> {
    const salt = String(pending.salt);
    await this.#write((await this.#read()).filter((other) => String(other.salt) !== salt));
  }

  async #read(): Promise<HashedWeights[]> {
    const text = await readFile(this.#file, 'utf8').catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return '[]';
      throw error;
    });
    return bookSchema.parse(JSON.parse(text));
  }

  async #write(book: HashedWeights[]): Promise<void> {
    await writeFileAtomic(this.#file, `${JSON.stringify(book)}\n`);
  }
}
