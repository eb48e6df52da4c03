import { round } from '../figures.ts';
import type { LlmUsage } from '../generator.ts';
import type { LlmOptions } from './options.ts';

/** Characters of one token where a server does not count: on the low side, so that a limit is not passed unseen. */
const CHARS_PER_TOKEN = 3;

/** Counts what a run spends and says when it must end. */
export class Budget {
  readonly #options: LlmOptions;
  readonly #start = performance.now();
  readonly #failures: Record<string, number> = {};
  #requests = 0;
  #promptTokens = 0;
  #completionTokens = 0;
  #estimated = false;
  /** First reason to end. */
  stopped: string | undefined;

  constructor(options: LlmOptions) {
    this.#options = options;
  }

  get msLeft(): number {
    return Math.max(0, this.#options.limits.seconds * 1_000 - (performance.now() - this.#start));
  }

  /** Whether another request may be sent; if so it counts. */
  take(): boolean {
    const { requests, tokens } = this.#options.limits;
    if (this.#requests >= requests) this.stop('requests');
    else if (this.#promptTokens + this.#completionTokens >= tokens) this.stop('tokens');
    else if (this.msLeft === 0) this.stop('seconds');
    if (this.stopped !== undefined) return false;
    this.#requests++;
    return true;
  }

  stop(why: string): void {
    this.stopped ??= why;
  }

  failed(code: string): void {
    this.#failures[code] = (this.#failures[code] ?? 0) + 1;
  }

  /** What an answer cost, by the server's count or by its characters. */
  spent(
    usage: { prompt_tokens: number; completion_tokens: number } | undefined,
    chars: { prompt: number; answer: number },
  ): void {
    if (!usage) this.#estimated = true;
    this.#promptTokens += usage?.prompt_tokens ?? Math.ceil(chars.prompt / CHARS_PER_TOKEN);
    this.#completionTokens += usage?.completion_tokens ?? Math.ceil(chars.answer / CHARS_PER_TOKEN);
  }

  usage(): LlmUsage {
    const { model, prices } = this.#options;
    const cost =
      prices && (this.#promptTokens * prices.prompt + this.#completionTokens * prices.completion) / 1_000_000;
    return {
      model,
      requests: this.#requests,
      failures: this.#failures,
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
      tokensEstimated: this.#estimated,
      seconds: Math.round((performance.now() - this.#start) / 100) / 10,
      ...(cost === undefined ? {} : { costUsd: round(cost) }),
      ...(this.stopped === undefined ? {} : { stopped: this.stopped }),
    };
  }
}
