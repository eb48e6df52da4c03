import { BadInputError } from '@tuning/kit';
import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';

/** Rows of similar length that run together; `members` are indices into the rows given. */
export interface Batch {
  /** Positions per row: the bucket. */
  readonly tokens: number;
  /** Rows of the graph; more than `members` where the last batch of a bucket is not full. */
  readonly batch: number;
  readonly members: readonly number[];
}

export interface BatchPlan {
  readonly batches: readonly Batch[];
  /** Predicted tokens of all rows. */
  readonly targets: number;
}

const SMALLEST_BUCKET = 64;
/** Positions per run: the GEMMs are at full speed from here on, and activations stay small. */
const POSITIONS_PER_BATCH = 1_024;

/**
 * Groups rows into buckets of power-of-two length, shortest first. A row of n ids has n − 1 positions with a next token.
 * @throws BadInputError `ROW_INVALID` for an id or label outside the vocabulary or a row that predicts nothing.
 */
export function planBatches(rows: readonly TokenRow[], vocabularySize: number): BatchPlan {
  let targets = 0;
  const buckets = new Map<number, number[]>();
  for (const [index, row] of rows.entries()) {
    targets += checkRow(row, vocabularySize);
    let bucket = SMALLEST_BUCKET;
    while (bucket < row.ids.length - 1) bucket *= 2;
    const members = buckets.get(bucket);
    if (members) members.push(index);
    else buckets.set(bucket, [index]);
  }
  const batches: Batch[] = [];
  for (const tokens of [...buckets.keys()].sort((a, b) => a - b)) {
    const batch = Math.max(1, POSITIONS_PER_BATCH / tokens);
    const members = buckets.get(tokens)!;
    for (let at = 0; at < members.length; at += batch) {
      batches.push({ tokens, batch, members: members.slice(at, at + batch) });
    }
  }
  return { batches, targets };
}

/** Number of predicted tokens. */
function checkRow({ row, ids, labels }: TokenRow, vocabularySize: number): number {
  const invalid = (problem: string) => new BadInputError('ROW_INVALID', `row ${row}: ${problem}`, { details: { row } });
  if (ids.length !== labels.length) throw invalid(`${ids.length} ids but ${labels.length} labels`);
  let targets = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const label = labels[i]!;
    // The kernel takes negative ids silently (as an index from the end), so the range is checked here.
    if (id < 0 || id >= vocabularySize) throw invalid(`id ${id} is outside the vocabulary of ${vocabularySize}`);
    if (label === IGNORED_LABEL) continue;
    if (label < 0 || label >= vocabularySize)
      throw invalid(`label ${label} is outside the vocabulary of ${vocabularySize}`);
    if (i > 0) targets++;
  }
  if (targets === 0) throw invalid('no token of it is predicted');
  return targets;
}

/** `input_ids` and `labels` of a batch, [batch, tokens] row-major, right-padded with id 0 and IGNORED_LABEL. */
export function fillBatch(batch: Batch, rows: readonly TokenRow[]): { ids: BigInt64Array; labels: BigInt64Array } {
  const size = batch.batch * batch.tokens;
  const ids = new BigInt64Array(size);
  const labels = new BigInt64Array(size).fill(BigInt(IGNORED_LABEL));
  for (const [slot, member] of batch.members.entries()) {
    const row = rows[member]!;
    const start = slot * batch.tokens;
    for (let t = 0; t + 1 < row.ids.length; t++) {
      ids[start + t] = BigInt(row.ids[t]!);
      // The label of position t is the token that comes next.
      labels[start + t] = BigInt(row.labels[t + 1]!);
    }
  }
  return { ids, labels };
}
