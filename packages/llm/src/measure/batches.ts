import { BadInputError } from '@tuning/kit';
import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import type { ModelConfig } from '../config/model-config.ts';
import { LOSS_CHUNK } from '../graph/loss-head.ts';
import { ropeRegime } from '../graph/rope.ts';

/** Rows of similar length that run together; `members` are indices into the rows given. */
export interface Batch {
  /** Positions per row: the bucket. */
  readonly tokens: number;
  /** Rows of the graph; more than `members` where the last batch of a bucket is not full. */
  readonly batch: number;
  /** Ids of its rows, where the frequencies depend on that; 0 = short rows (see `ropeRegime`). */
  readonly rowTokens: number;
  readonly members: readonly number[];
}

export interface BatchPlan {
  readonly batches: readonly Batch[];
  /** Predicted tokens of all rows. */
  readonly targets: number;
}

/** Positions of the smallest bucket. */
const SMALLEST_BUCKET = 32;
/** Positions per run, about: the GEMMs are at full speed from here on, and activations stay small. */
const POSITIONS_PER_BATCH = 1_024;
/**
 * Padding of a bucket's rows that is worth less than a session of their own: compiling it, its first run in fresh memory, and
 * a last batch that is not full.
 */
const POSITIONS_OF_A_SESSION = 1_536;

/** What of a model decides how rows are grouped and which are refused. */
export type PlannedModel = Pick<ModelConfig, 'vocabularySize' | 'maxPositions' | 'ropeScaling' | 'traits'>;

interface Bucket {
  readonly tokens: number;
  readonly rowTokens: number;
  readonly members: readonly number[];
}

/**
 * Groups rows into buckets of similar length, shortest first. A row of n ids has n − 1 positions with a next token.
 * @throws BadInputError `ROW_INVALID` for an id or label outside the vocabulary, a row that predicts nothing or one that
 * is longer than learned positions reach.
 */
export function planBatches(rows: readonly TokenRow[], model: PlannedModel): BatchPlan {
  let targets = 0;
  const buckets = new Map<string, { tokens: number; rowTokens: number; members: number[] }>();
  for (const [index, row] of rows.entries()) {
    targets += checkRow(row, model);
    const tokens = bucketOf(row.ids.length - 1);
    const rowTokens = ropeRegime(model.ropeScaling, row.ids.length);
    const key = `${tokens}/${rowTokens}`;
    const bucket = buckets.get(key);
    if (bucket) bucket.members.push(index);
    else buckets.set(key, { tokens, rowTokens, members: [index] });
  }
  // Rows with frequencies of their own are the longer ones, so this order is that of tokens, too.
  const inOrder = [...buckets.values()].sort((a, b) => a.rowTokens - b.rowTokens || a.tokens - b.tokens);
  const batches: Batch[] = [];
  for (const { tokens, rowTokens, members } of merged(inOrder)) {
    const batch = rowsOfBatch(tokens);
    for (let at = 0; at < members.length; at += batch) {
      batches.push({ tokens, batch, rowTokens, members: members.slice(at, at + batch) });
    }
  }
  return { batches, targets };
}

/**
 * Tokens of the smallest bucket that holds so many positions: powers of two and what lies half way between them, from 512 on
 * in quarters. Each kind is compiled by itself, so there should not be many.
 */
function bucketOf(positions: number): number {
  let tokens = SMALLEST_BUCKET;
  while (tokens < positions) tokens *= 2;
  const step = tokens / (tokens > 512 ? 8 : 4);
  return Math.max(SMALLEST_BUCKET, Math.ceil(positions / step) * step);
}

/** Rows of a batch: about POSITIONS_PER_BATCH positions, and a number that the loss head can cut into chunks. */
function rowsOfBatch(tokens: number): number {
  let rows = Math.max(1, Math.round(POSITIONS_PER_BATCH / tokens));
  while ((rows * tokens) % LOSS_CHUNK !== 0) rows++;
  return rows;
}

/** Moves the rows of a bucket into the next larger one where that costs less than a session. */
function merged(inOrder: readonly Bucket[]): Bucket[] {
  const kept: Bucket[] = [];
  for (const bucket of inOrder) {
    const before = kept.at(-1);
    const padding = before && before.members.length * (bucket.tokens - before.tokens);
    if (before?.rowTokens !== bucket.rowTokens || padding! >= POSITIONS_OF_A_SESSION) kept.push(bucket);
    else kept[kept.length - 1] = { ...bucket, members: [...before.members, ...bucket.members] };
  }
  return kept;
}

/** Number of predicted tokens. */
function checkRow({ row, ids, labels }: TokenRow, { vocabularySize, maxPositions, traits }: PlannedModel): number {
  const invalid = (problem: string) => new BadInputError('ROW_INVALID', `row ${row}: ${problem}`, { details: { row } });
  if (ids.length !== labels.length) throw invalid(`${ids.length} ids but ${labels.length} labels`);
  if (traits.rotaryDim === 0 && ids.length > maxPositions) {
    throw invalid(`${ids.length} ids, the model has positions for ${maxPositions}`);
  }
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
