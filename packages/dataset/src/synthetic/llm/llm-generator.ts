import { BadInputError, errorCode, errorMessage } from '@tuning/kit';
import { layoutOf } from '../../prompt/layout.ts';
import { cell, type Row } from '../../row.ts';
import type { Rows } from '../../rows.ts';
import { SeededRandom } from '../../split/random.ts';
import { augmentGenerator } from '../augment-generator.ts';
import type { Generated, Refusal, SyntheticGenerator } from '../generator.ts';
import { columnsOf } from '../row-form.ts';
import type { SynthesiseArgs } from '../synthesise.ts';
import { Admission } from './admission.ts';
import { rowChecker, valuesIn } from './answer-rows.ts';
import { Budget } from './budget.ts';
import { ChatClient } from './chat-client.ts';
import { exchangesOf } from './chat-exchanges.ts';
import type { LlmOptions } from './options.ts';
import { answerSchema, writePrompt } from './prompt.ts';

/** A cell of a new row may be so much longer than the longest shown, within bounds. */
const CELL_CHARS = { min: 500, max: 16_000, factor: 2, sample: 1_000 };
/** Requests of one round: rows are compared with the real ones once a round. */
const ROUND_REQUESTS = 32;
/** Rounds in a row that may bring nothing new before the model is given up. */
const BARREN_ROUNDS = 3;
/** Answers in a row that may fail before the server is given up. */
const FAILURES_IN_A_ROW = 3;

/**
 * Has a language model write rows, a few train rows before it as examples. Never shows a test row. What it writes is
 * accepted only with exactly the row's text columns, and if it copies neither a real nor another new row. What is
 * missing at the end is made by `augment`, or the run fails, as the options say.
 *
 * `generate` throws, with `onMissing: 'fail'`: OperatorError LLM_KEY_REFUSED, LLM_NOT_FOUND; TransientError
 * LLM_UNAVAILABLE; BadInputError SYNTHESIS_SHORT, LLM_REQUEST_REFUSED.
 */
export function createLlmGenerator(options: LlmOptions): SyntheticGenerator {
  return {
    name: 'llm',
    replayable: false,
    generate: async (args, signal) => {
      const run = new LlmRun(options, args, signal);
      await run.work();
      return run.finish();
    },
  };
}

class LlmRun {
  readonly #options: LlmOptions;
  readonly #args: SynthesiseArgs;
  readonly #signal: AbortSignal | undefined;
  readonly #budget: Budget;
  readonly #client: ChatClient;
  readonly #admission: Admission;
  readonly #random: SeededRandom;
  readonly #refused: Partial<Record<Refusal, number>> = {};
  readonly #fields: string[];
  readonly #check: (value: unknown) => Row | Refusal;
  /** Rows with the fields that the model is shown: the train rows, or their exchanges. */
  readonly #examples: Rows;
  /** The train row of an example. */
  readonly #rowOf: (example: Row) => Row;
  #proposed = 0;
  #failuresInARow = 0;
  #fault: unknown;

  constructor(options: LlmOptions, args: SynthesiseArgs, signal: AbortSignal | undefined) {
    this.#options = options;
    this.#args = args;
    this.#signal = signal;
    this.#budget = new Budget(options);
    this.#client = new ChatClient(options, this.#budget);
    this.#admission = new Admission(args.type, args.rows, args.avoid ?? []);
    this.#random = new SeededRandom(args.seed, 'synthetic-llm');
    const layout = layoutOf(args.type);
    if (layout.kind === 'chat') {
      const { examples, fields, rowOf, conversationOf } = exchangesOf(args.rows, layout);
      this.#examples = examples;
      this.#rowOf = rowOf;
      this.#fields = [...fields];
      const check = rowChecker(this.#fields, fields[1], this.#cellChars());
      this.#check = (value) => {
        const exchange = check(value);
        return typeof exchange === 'string' ? exchange : conversationOf(exchange);
      };
      return;
    }
    this.#examples = args.rows;
    this.#rowOf = (example) => example;
    const { instruction, input, output } = columnsOf(layout);
    const there = new Set(Object.keys(args.rows.at(0) ?? {}));
    this.#fields = [...new Set([instruction, input, output])].filter(
      (field): field is string => field !== undefined && there.has(field) && field !== '__proto__',
    );
    this.#check = rowChecker(this.#fields, output, this.#cellChars());
  }

  #cellChars(): number {
    const { min, max, factor, sample } = CELL_CHARS;
    let longest = 0;
    for (let at = 0; at < Math.min(sample, this.#examples.length); at++) {
      const row = this.#examples.at(at)!;
      for (const field of this.#fields) longest = Math.max(longest, String(cell(row, field) ?? '').length);
    }
    return Math.min(max, Math.max(min, factor * longest));
  }

  #refuse = (why: Refusal): void => {
    this.#refused[why] = (this.#refused[why] ?? 0) + 1;
  };

  /** Whether a row may be an example: plain text in every column, and no test row. */
  #usable = (row: Row): boolean =>
    this.#fields.every((field) => typeof (cell(row, field) ?? '') === 'string') &&
    this.#admission.mayShow(this.#rowOf(row));

  async work(): Promise<void> {
    const { count } = this.#args;
    const { rowsPerRequest, parallel } = this.#options;
    let barren = 0;
    while (this.#admission.accepted.length < count && this.#budget.stopped === undefined) {
      const before = this.#admission.accepted.length;
      const missing = count - before;
      const requests = Math.min(ROUND_REQUESTS, Math.max(parallel, Math.ceil(missing / rowsPerRequest)));
      const written: Row[] = [];
      let sent = 0;
      const worker = async () => {
        while (sent < requests && this.#budget.stopped === undefined) {
          sent++;
          written.push(...(await this.#ask(Math.min(rowsPerRequest, missing))));
        }
      };
      await Promise.all(Array.from({ length: Math.min(parallel, requests) }, worker));
      await this.#admission.admit(written, missing, this.#refuse, this.#signal);
      barren = this.#admission.accepted.length === before ? barren + 1 : 0;
      if (barren >= BARREN_ROUNDS) this.#budget.stop('nothing_new');
    }
  }

  /** Rows of one answer that have the right form. */
  async #ask(count: number): Promise<Row[]> {
    const messages = writePrompt(this.#examples, this.#fields, count, this.#random, this.#usable);
    if (!messages) {
      this.#budget.stop('no_examples');
      return [];
    }
    let answer: string;
    try {
      answer = await this.#client.complete(messages, answerSchema(this.#fields, count), this.#signal);
      this.#failuresInARow = 0;
    } catch (error) {
      this.#signal?.throwIfAborted();
      const code = errorCode(error) ?? 'INTERNAL';
      if (code === 'LLM_BUDGET_SPENT') return [];
      this.#fault ??= error;
      // One odd answer says little; a refused key will be refused again.
      const lasting = (error as Error).name === 'OperatorError';
      if (lasting || ++this.#failuresInARow >= FAILURES_IN_A_ROW) this.#budget.stop(code);
      this.#options.logger?.debug({ code, error: errorMessage(error) }, 'a request for synthetic rows failed');
      return [];
    }
    const values = valuesIn(answer);
    if (values.length === 0) {
      this.#proposed++;
      this.#refuse('not_json');
    }
    this.#proposed += values.length;
    return values.flatMap((value) => {
      const checked = this.#check(value);
      if (typeof checked !== 'string') return [checked];
      this.#refuse(checked);
      return [];
    });
  }

  async finish(): Promise<Generated> {
    const { count, rows, avoid = [] } = this.#args;
    const made = this.#admission.accepted;
    const missing = count - made.length;
    if (missing > 0 && this.#options.onMissing === 'fail') throw this.#failure(missing);
    const fill =
      missing > 0
        ? await augmentGenerator.generate(
            { ...this.#args, rows, count: missing, avoid: [...avoid, ...made] },
            this.#signal,
          )
        : undefined;
    const filled = fill?.rows.length ?? 0;
    const account = {
      generator: 'llm' as const,
      asked: count,
      proposed: this.#proposed,
      accepted: made.length + filled,
      refused: this.#refused,
      filled,
      shortfall: missing - filled,
      strategies: fill?.account.strategies ?? {},
      llm: this.#budget.usage(),
    };
    return { rows: [...made, ...(fill?.rows ?? [])], account };
  }

  #failure(missing: number): unknown {
    const stopped = this.#budget.stopped;
    if (this.#fault !== undefined && errorCode(this.#fault) === stopped) return this.#fault;
    return new BadInputError(
      'SYNTHESIS_SHORT',
      `the language model made ${this.#args.count - missing} of ${this.#args.count} synthetic rows (${stopped ?? 'no reason'}): raise its limits, take a better model or let "augment" fill what is missing`,
      { details: { missing, stopped } },
    );
  }
}
