import { readFile } from 'node:fs/promises';
import { errorMessage, type Logger, writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';
import type { Work } from './work-estimate.ts';

/** Trainings that count: enough for a median, few enough to follow a new machine. */
const KEPT = 9;
const MAX_BYTES = 16 * 1024;

const bookSchema = z.array(z.number().gt(0)).max(KEPT);

/** How fast this machine trains: tokens per second of a model with 10⁹ parameters, from its own finished tasks. */
export class SpeedBook {
  readonly #file: string;
  readonly #logger: Logger;
  #speeds: number[];

  private constructor(file: string, speeds: number[], logger: Logger) {
    this.#file = file;
    this.#speeds = speeds;
    this.#logger = logger;
  }

  /** A book that cannot be read is begun anew: it only holds estimates. */
  static async open(file: string, logger: Logger): Promise<SpeedBook> {
    let speeds: number[] = [];
    try {
      const text = await readFile(file, 'utf8');
      if (text.length <= MAX_BYTES) speeds = bookSchema.parse(JSON.parse(text));
    } catch (error) {
      logger.debug({ file, error: errorMessage(error) }, 'no measured speeds');
    }
    return new SpeedBook(file, speeds, logger);
  }

  /** The median; undefined before the first finished task. */
  get tokensPerSecond1b(): number | undefined {
    const sorted = [...this.#speeds].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  /** Notes a finished training. Never throws. */
  async note(work: Work, ms: number): Promise<void> {
    const speed = (work.tokens * work.parameters) / 1e9 / (ms / 1_000);
    if (!Number.isFinite(speed) || speed <= 0) return;
    this.#speeds = [...this.#speeds, speed].slice(-KEPT);
    try {
      await writeFileAtomic(this.#file, `${JSON.stringify(this.#speeds)}\n`);
    } catch (error) {
      this.#logger.warn({ file: this.#file, error: errorMessage(error) }, 'could not keep the measured speed');
    }
  }
}
