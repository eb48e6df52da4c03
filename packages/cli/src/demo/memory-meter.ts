import { residentBytes } from './demo-processes.ts';

const SAMPLE_MS = 1_000;

/** The largest sum of resident memory of all the demo's processes, sampled once a second. */
export class MemoryMeter {
  readonly #folder: string;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
    this.#timer.unref();
  }

  get peakBytes(): number {
    this.#sample();
    return this.#peak;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    this.#peak = Math.max(this.#peak, residentBytes(this.#folder));
  }
}
