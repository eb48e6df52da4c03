import { BadInputError } from '@tuning/kit';
import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import type { ModelConfig } from '../config/model-config.ts';
import { blockSize } from '../graph/block-attention.ts';
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

/** Positions per run: the GEMMs are at full speed from here on, and activations stay small. */
const POSITIONS_PER_BATCH = 1_024;

/** What of a model decides how rows are grouped and which are refused. */
export type PlannedModel = Pick<ModelConfig, 'vocabularySize' | 'headDim' | 'maxPositions' | 'ropeScaling' | 'traits'>;

/**
 * Groups rows into buckets of power-of-two length, shortest first. A row of n ids has n − 1 positions with a next token.
 * @throws BadInputError `ROW_INVALID` for an id or label outside the vocabulary, a row that predicts nothing or one that
 * is longer than learned positions reach.
 */
export function planBatches(rows: readonly TokenRow[], model: PlannedModel): BatchPlan {
  let targets = 0;
  const buckets = new Map<string, { tokens: number; rowTokens: number; members: number[] }>();
  for (const [index, row] of rows.entries()) {
    targets += checkRow(row, model);
    let tokens = blockSize(model.headDim);
    while (tokens < row.ids.length - 1) tokens *= 2;
    const rowTokens = ropeRegime(model.ropeScaling, row.ids.length);
    const key = `${tokens}/${rowTokens}`;
    const bucket = buckets.get(key);
    if (bucket) bucket.members.push(index);
    else buckets.set(key, { tokens, rowTokens, members: [index] });
  }
  const batches: Batch[] = [];
  const inOrder = [...buckets.values()].sort((a, b) => a.tokens - b.tokens || a.rowTokens - b.rowTokens);
  for (const { tokens, rowTokens, members } of inOrder) {
    const batch = Math.max(1, POSITIONS_PER_BATCH / tokens);
    for (let at = 0; at < members.length; at += batch) {
      batches.push({ tokens, batch, rowTokens, members: members.slice(at, at + batch) });
    }
  }
  return { batches, targets };
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
