import { BadInputError } from '@tuning/kit';
import { IGNORED_LABEL, type Measurement, type TokenRow } from '@tuning/protocol';

/** Sum of the counted losses of a row, and their number. */
export interface RowSum {
  readonly nll: number;
  readonly tokens: number;
}

/** Adds up in float64, in token order. */
export function sumRow({ labels }: TokenRow, losses: Float32Array): RowSum {
  let nll = 0;
  let tokens = 0;
  for (const [position, loss] of losses.entries()) {
    if (labels[position + 1] === IGNORED_LABEL) continue;
    nll += loss;
    tokens++;
  }
  return { nll, tokens };
}

/**
 * The set's totals from those of its rows, added up in float64 in row order.
 * @throws BadInputError `NON_FINITE_LOSS` where the mean is so large that its perplexity is no number.
 */
export function summarise(
  rows: readonly TokenRow[],
  sums: readonly RowSum[],
  dropped: Readonly<Record<string, number>>,
): Measurement {
  const result = { row: [] as number[], sumNll: [] as number[], tokens: [] as number[] };
  let sumNll = 0;
  let tokens = 0;
  let rowMeans = 0;
  for (const [index, row] of rows.entries()) {
    const sum = sums[index]!;
    result.row.push(row.row);
    result.sumNll.push(sum.nll);
    result.tokens.push(sum.tokens);
    sumNll += sum.nll;
    tokens += sum.tokens;
    rowMeans += sum.nll / sum.tokens;
  }
  const loss = sumNll / tokens;
  const perplexity = Math.exp(loss);
  if (!Number.isFinite(perplexity)) {
    throw new BadInputError('NON_FINITE_LOSS', `the mean loss is ${loss}, its perplexity is no number`);
  }
  return {
    summary: {
      loss,
      perplexity,
      sumNll,
      tokens,
      rowLoss: rowMeans / rows.length,
      rowsKept: rows.length,
      rowsDropped: { ...dropped },
    },
    rows: result,
  };
}
