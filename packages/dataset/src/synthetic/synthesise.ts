import type { DatasetType } from '@tuning/protocol';
import { DigestTable } from '../digest-table.ts';
import { layoutOf } from '../prompt/layout.ts';
import type { Row } from '../row.ts';
import type { Rows } from '../rows.ts';
import { runInSlices, runNow, type Steps } from '../slices.ts';
import { SeededRandom, shuffleSteps } from '../split/random.ts';
import { contentKey } from './content-key.ts';
import { editContent, editPrompt, editStyle, type Made, mergeRows } from './row-edits.ts';
import { rowFormOf } from './row-form.ts';

export interface SynthesiseArgs {
  /** Train rows. */
  rows: Rows;
  type: DatasetType;
  /** 32 bytes. */
  seed: Uint8Array;
  count: number;
  /** Rows of which none may come out, the test rows. */
  avoid?: readonly Row[];
}

export interface Synthesis {
  /** At most `count`. */
  rows: Row[];
  /** How many of `count` could not be made. */
  shortfall: number;
  /** How often each strategy was used. */
  strategies: Record<string, number>;
  /** Rows derived, those refused included. */
  proposed: number;
  refused: Partial<Record<'copy_of_train' | 'copy_of_test' | 'repeated', number>>;
}

/** Where a text stands already, by its number in the table of known ones; 0 is nowhere. */
const KNOWN = [undefined, 'copy_of_train', 'copy_of_test', 'repeated'] as const;

/**
 * New rows from train rows, offline and replayable: the same arguments give the same rows. No row renders to the same
 * prompt and answer as a row of `rows` or `avoid`, or as another new one; only texts that the type writes its turn
 * from (instruction, input, output, the text, or the last question and answer of a conversation) change. Returns fewer than `count` where the rows do not yield more.
 * Asking for more only adds rows behind those of a smaller count. Each train row is tried at most once per pass, so the work is bounded by rows × passes.
 * @throws BadInputError DATASET_TYPE_INVALID, SEED_INVALID.
 */
export function synthesise(args: SynthesiseArgs): Row[] {
  return runNow(synthesisSteps(args)).rows;
}

/** `synthesise` with its account, for a daemon: pauses for the event loop. */
export function synthesiseAsync(args: SynthesiseArgs, signal?: AbortSignal): Promise<Synthesis> {
  return runInSlices(synthesisSteps(args), signal);
}

function* synthesisSteps({ rows, type, seed, count, avoid = [] }: SynthesiseArgs): Steps<Synthesis> {
  const form = rowFormOf(layoutOf(type));
  const random = new SeededRandom(seed, 'synthetic');
  const keyOf = contentKey(type);
  const known = new DigestTable(count > 0 ? rows.length + avoid.length : 0);
  const made: Row[] = [];
  const strategies: Record<string, number> = {};
  const refused: Synthesis['refused'] = {};
  let proposed = 0;
  if (count > 0) {
    for (const [set, place] of [
      [rows, KNOWN.indexOf('copy_of_train')] as const,
      [avoid, KNOWN.indexOf('copy_of_test')] as const,
    ]) {
      for (const row of set) {
        const key = keyOf(row);
        if (key !== undefined) known.set(key, place);
        yield;
      }
    }
  }
  const numbers = Uint32Array.from({ length: count > 0 ? rows.length : 0 }, (_, index) => index);
  const order = yield* shuffleSteps(numbers, random);
  const merge = (row: Row) => mergeRows(row, rows.at(order[random.below(order.length)]!)!, form);
  // Best first: a changed answer in the train rows' own form says most about a model, a trained answer the least.
  const passes: ((row: Row) => Made | undefined)[] = [
    (row) => editContent(row, form, random),
    (row) => editContent(row, form, random),
    (row) => editStyle(row, form, random),
    merge,
    (row) => editPrompt(row, form, random),
  ];
  for (const pass of passes) {
    for (const number of order) {
      if (made.length >= count) break;
      yield;
      const candidate = pass(rows.at(number)!);
      const key = candidate && keyOf(candidate.row);
      if (!candidate || key === undefined) continue;
      proposed++;
      const refusal = KNOWN[known.get(key)];
      if (refusal) {
        refused[refusal] = (refused[refusal] ?? 0) + 1;
        continue;
      }
      known.set(key, KNOWN.indexOf('repeated'));
      made.push(candidate.row);
      for (const name of candidate.strategies) strategies[name] = (strategies[name] ?? 0) + 1;
    }
  }
  return { rows: made, shortfall: Math.max(0, count - made.length), strategies, proposed, refused };
}
