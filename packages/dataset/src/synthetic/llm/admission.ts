import type { DatasetType } from '@tuning/protocol';
import type { Row } from '../../row.ts';
import type { Rows } from '../../rows.ts';
import { runInSlices, type Steps } from '../../slices.ts';
import { contentKey } from '../content-key.ts';
import type { Refusal } from '../generator.ts';
import { boilerplateSteps, overlapSteps } from '../overlap.ts';
import { type RowTexts, rowTextsOf } from '../row-texts.ts';

/** A row with more of one real row's word sequences than this is a near copy of it. */
export const NEAR_COPY = 0.6;

/** Shorter answers stand in prompts by chance. */
const MIN_ANSWER_CHARS = 16;

/** Decides which written rows may join the set. */
export class Admission {
  readonly accepted: Row[] = [];
  readonly #keyOf: (row: Row) => string | undefined;
  readonly #textsOf: (row: Row) => RowTexts;
  readonly #rows: Rows;
  readonly #test: readonly Row[];
  readonly #testKeys = new Set<string>();
  readonly #ownKeys = new Set<string>();
  #boilerplate: ReadonlySet<string> | undefined;

  constructor(type: DatasetType, train: Rows, test: readonly Row[]) {
    this.#keyOf = contentKey(type);
    this.#textsOf = rowTextsOf(type);
    this.#rows = train;
    this.#test = test;
    for (const row of test) {
      const key = this.#keyOf(row);
      if (key !== undefined) this.#testKeys.add(key);
    }
  }

  /** Whether a train row may be shown to a model: not where a test row says the same. */
  mayShow = (row: Row): boolean => {
    const key = this.#keyOf(row);
    return key !== undefined && !this.#testKeys.has(key);
  };

  /** Takes up to `room` of the rows into `accepted`; calls `refuse` for each that is not fit. */
  async admit(
    rows: readonly Row[],
    room: number,
    refuse: (why: Refusal) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await runInSlices(this.#steps(rows, room, refuse), signal);
  }

  *#steps(rows: readonly Row[], room: number, refuse: (why: Refusal) => void): Steps<void> {
    const textsOf = this.#textsOf;
    this.#boilerplate ??= yield* boilerplateSteps(this.#rows, textsOf);
    const boilerplate = this.#boilerplate;
    const texts = rows.map(textsOf);
    const keys = rows.map((row) => this.#keyOf(row));
    const wanted = new Set(keys);
    const copies = new Set<string>();
    for (const row of this.#rows) {
      const key = this.#keyOf(row);
      if (key !== undefined && wanted.has(key)) copies.add(key);
      yield;
    }
    const inTrain = yield* overlapSteps(texts, this.#rows, textsOf, boilerplate);
    const inTest = yield* overlapSteps(texts, this.#test, textsOf, boilerplate);
    for (const [at, row] of rows.entries()) {
      const key = keys[at];
      const { prompt, answer } = texts[at]!;
      if (key === undefined) refuse('empty_answer');
      else if (answer.length >= MIN_ANSWER_CHARS && prompt.includes(answer)) refuse('answer_in_prompt');
      else if (this.#testKeys.has(key)) refuse('copy_of_test');
      else if (copies.has(key)) refuse('copy_of_train');
      else if (inTest[at]!.closest > NEAR_COPY) refuse('near_copy_of_test');
      else if (inTrain[at]!.closest > NEAR_COPY) refuse('near_copy_of_train');
      else if (yield* this.#isRepeated(row, key, boilerplate)) refuse('repeated');
      else if (room-- > 0) {
        this.accepted.push(row);
        this.#ownKeys.add(key);
      }
    }
  }

  *#isRepeated(row: Row, key: string, boilerplate: ReadonlySet<string>): Steps<boolean> {
    if (this.#ownKeys.has(key)) return true;
    const [overlap] = yield* overlapSteps([this.#textsOf(row)], this.accepted, this.#textsOf, boilerplate);
    return overlap!.closest > NEAR_COPY;
  }
}
