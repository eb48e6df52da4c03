import { BadInputError, retry } from '@tuning/kit';
import { HubHttpError, isPassing } from './errors.ts';
import type { HubFile, RepoRef } from './hub.ts';
import { errorOf, ownError } from './hub-fetch.ts';
import { linkedAbort } from './linked-abort.ts';
import type { PartialFile, Piece } from './partial-file.ts';
import type { Session } from './session.ts';

export interface TransferArgs {
  session: Session;
  ref: RepoRef & { revision: string };
  file: HubFile;
  partial: PartialFile;
  /** Negative when bytes are taken back. */
  onBytes: (count: number) => void;
}

/**
 * One piece of a file on its way to disk. A cut connection goes on at the byte where it ended.
 * @returns once the piece is there.
 */
export class PieceTransfer {
  readonly #args: TransferArgs;
  #piece: Piece;
  /** Told once the hub answered with the range that was asked for. */
  readonly #onRange: (() => void) | undefined;

  /**
   * @param onRange given for the first piece only. As long as the others wait for it, a hub that knows no ranges may answer
   *   with the whole file, and this piece becomes all of it.
   */
  constructor(args: TransferArgs, piece: Piece, onRange?: () => void) {
    this.#args = args;
    this.#piece = piece;
    this.#onRange = onRange;
  }

  /** @throws BadInputError `HUB_HASH_MISMATCH` for a file of another length than listed; HubHttpError; Error for a fault of the network. */
  async run(signal: AbortSignal): Promise<void> {
    const { session, file } = this.#args;
    const { attempts, baseMs, logger } = session.settings;
    let failures = 0;
    let before = -1;
    await retry(() => this.#attempt(signal), {
      // Counted below: what moves is not stuck, however often its connection is cut.
      attempts: 1_000,
      baseMs,
      logger,
      what: `download ${file.path}`,
      signal,
      shouldRetry: (error) => {
        if (error instanceof HubHttpError ? !isPassing(error.status) : error instanceof BadInputError) return false;
        failures = this.#piece.done > before ? 1 : failures + 1;
        before = this.#piece.done;
        return failures < attempts;
      },
      retryAfterMs: (error) => (error instanceof HubHttpError ? error.retryAfterMs : undefined),
    });
  }

  get #at(): number {
    return this.#piece.start + this.#piece.done;
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { session, file } = this.#args;
    if (file.size > 0 && this.#at === this.#piece.end) return;
    const url = this.#url();
    const { idleMs } = session.settings;
    const stop = linkedAbort(signal);
    const late = () => stop.abort(new Error(`no byte within ${idleMs} ms`));
    let timer = setTimeout(late, idleMs);
    try {
      // A redirect to another host (CDN) is followed; fetch drops the token there.
      const response = await fetch(url, { headers: this.#headers(), signal: stop.signal });
      if (!response.ok) throw errorOf(response, await firstBytes(response));
      this.#checkAnswer(response);
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = setTimeout(late, idleMs);
        await this.#take(chunk);
      }
      if (this.#at < this.#piece.end) throw new Error(`ended after ${this.#at} of ${this.#piece.end} bytes`);
    } catch (error) {
      if (error instanceof BadInputError) throw error;
      throw ownError(error, url, stop.signal);
    } finally {
      clearTimeout(timer);
      stop.abort(new Error('done with this answer'));
      stop.unlink();
    }
  }

  #url(): URL {
    const { session, ref, file } = this.#args;
    const path = file.path.split('/').map(encodeURIComponent).join('/');
    const folder = ref.type === 'dataset' ? 'datasets/' : '';
    return new URL(`${session.settings.endpoint}/${folder}${ref.repo}/resolve/${ref.revision}/${path}`);
  }

  #headers(): Record<string, string> {
    const headers = { ...this.#args.session.authorization(), 'Accept-Encoding': 'identity' };
    if (!this.#args.partial.isWhole) return { ...headers, Range: `bytes=${this.#at}-${this.#piece.end - 1}` };
    return this.#at > 0 ? { ...headers, Range: `bytes=${this.#at}-` } : headers;
  }

  /** Holds the answer's head against what was asked for, before a byte of it is taken. */
  #checkAnswer(response: Response): void {
    const { file, partial, onBytes } = this.#args;
    if (response.status === 206) {
      const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
      if (Number(range?.[1]) !== this.#at) throw new Error('the hub sent another range than asked for');
      if (range?.[2] !== '*' && Number(range?.[2]) !== file.size) throw this.#mismatch(`has ${range?.[2]} bytes`);
      this.#onRange?.();
      return;
    }
    const length = response.headers.get('content-length');
    if (length !== null && Number(length) > file.size) throw this.#mismatch(`has ${length} bytes`);
    if (this.#at === 0 && partial.isWhole) return;
    if (!this.#onRange) throw new Error('the hub sent the whole file where a range was asked for');
    onBytes(-partial.doneBytes);
    this.#piece = partial.restart();
  }

  async #take(chunk: Uint8Array): Promise<void> {
    if (this.#at + chunk.length > this.#piece.end) {
      throw this.#mismatch(`goes on behind byte ${this.#piece.end}, where this answer has to end`);
    }
    await this.#args.partial.write(this.#piece, chunk);
    this.#args.onBytes(chunk.length);
  }

  #mismatch(what: string): BadInputError {
    const { ref, file } = this.#args;
    return new BadInputError(
      'HUB_HASH_MISMATCH',
      `${file.path} ${what}, the list says ${file.size} (${ref.repo} at ${ref.revision}): not used`,
    );
  }
}

/** Enough of an error page to read the hub's reason. */
async function firstBytes(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > 64 * 1024) break;
  }
  return Buffer.concat(chunks);
}
