import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import type { TrainingHyperparameters } from './hyperparameters.ts';
import { SeededRandom, shuffle } from './random.ts';

/** Rows that share one sequence of a batch; one row without packing. */
export type Sequence = readonly TokenRow[];
/** The sequences of one forward and backward pass. */
export type MicroBatch = readonly Sequence[];

/** The arrays of one pass; N = batch · length. */
export interface BatchArrays {
  readonly batch: number;
  readonly length: number;
  /** int64 [N] */
  readonly ids: BigInt64Array;
  /** int64 [N]: the NEXT token where it is trained, else IGNORED_LABEL */
  readonly labels: BigInt64Array;
  /** [batch or 1, length, length]: 0 where a token may look, −1e9 where not */
  readonly mask: Float32Array;
  /** Labels that count. */
  readonly trained: number;
}

/** Random stream of the row order; see `SeededRandom`. */
const ORDER_STREAM = 1;
const BLOCKED = -1e9;

/** The passes of one epoch, grouped by optimiser step; the order depends on seed and epoch only. */
export function planEpoch(
  rows: readonly TokenRow[],
  recipe: Pick<TrainingHyperparameters, 'microBatchSize' | 'gradientAccumulationSteps' | 'packing' | 'sequenceLen'>,
  seed: number,
  epoch: number,
): MicroBatch[][] {
  const order = shuffle([...rows], new SeededRandom(seed, ORDER_STREAM, epoch));
  const sequences: Sequence[] = recipe.packing ? pack(order, recipe.sequenceLen) : order.map((row) => [row]);
  return chunks(chunks(sequences, recipe.microBatchSize), recipe.gradientAccumulationSteps);
}

/** Fills sequences in the given order: a row goes into the first of the last few open ones that has room. */
function pack(rows: readonly TokenRow[], sequenceLen: number): Sequence[] {
  const openLimit = 64;
  const done: TokenRow[][] = [];
  let open: { rows: TokenRow[]; room: number }[] = [];
  for (const row of rows) {
    let place = open.find(({ room }) => room >= row.ids.length);
    if (place === undefined) {
      place = { rows: [], room: sequenceLen };
      open.push(place);
      done.push(place.rows);
      if (open.length > openLimit) open = open.slice(1);
    }
    place.rows.push(row);
    place.room -= row.ids.length;
  }
  return done;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size));
  return result;
}

/**
 * Lengths for which graphs are built. A batch is padded to the next one: few enough that compiling (some 0.1 s each)
 * does not matter, dense enough that short rows do not pay for long ones.
 */
export function bucketLength(length: number, sequenceLen: number): number {
  let bucket = 32;
  while (bucket < length) bucket = (bucket & (bucket - 1)) === 0 ? bucket * 1.5 : (bucket / 1.5) * 2;
  return Math.min(bucket, sequenceLen);
}

/** Lays a micro-batch out, padded on the right; a short last batch of an epoch gets empty sequences. */
export function layOut(
  microBatch: MicroBatch,
  { microBatchSize: batch, sequenceLen, packing }: TrainingHyperparameters,
): BatchArrays {
  const lengths = microBatch.map((rows) => rows.reduce((sum, row) => sum + row.ids.length, 0));
  const length = packing ? sequenceLen : bucketLength(Math.max(...lengths), sequenceLen);
  const ids = new BigInt64Array(batch * length);
  const labels = new BigInt64Array(batch * length).fill(BigInt(IGNORED_LABEL));
  let trained = 0;
  for (const [index, rows] of microBatch.entries()) {
    let at = index * length;
    for (const row of rows) {
      for (let i = 0; i < row.ids.length; i++) {
        ids[at + i] = BigInt(row.ids[i]!);
        // A position predicts the token after it; the last one of a row predicts nothing.
        const next = row.labels[i + 1];
        if (next === undefined || next < 0) continue;
        labels[at + i] = BigInt(next);
        trained++;
      }
      at += row.ids.length;
    }
  }
  const mask = packing ? packedMask(microBatch, batch, length) : causalMask(length);
  return { batch, length, ids, labels, mask, trained };
}

function causalMask(length: number): Float32Array {
  const mask = new Float32Array(length * length);
  for (let t = 0; t < length; t++) mask.fill(BLOCKED, t * length + t + 1, (t + 1) * length);
  return mask;
}

/**
 * Causal inside each row, blocked between rows. Positions need no restart: rotary attention depends on distances only.
 * Padding looks at itself.
 */
function packedMask(microBatch: MicroBatch, batch: number, length: number): Float32Array {
  const mask = new Float32Array(batch * length * length).fill(BLOCKED);
  for (let index = 0; index < batch; index++) {
    const allow = (start: number, end: number): void => {
      for (let t = start; t < end; t++) {
        const line = (index * length + t) * length;
        mask.fill(0, line + start, line + t + 1);
      }
    };
    let at = 0;
    for (const row of microBatch[index] ?? []) {
      allow(at, at + row.ids.length);
      at += row.ids.length;
    }
    allow(at, length);
  }
  return mask;
}
