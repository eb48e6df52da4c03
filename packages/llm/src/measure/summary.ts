import { BadInputError } from '@tuning/kit';
import { IGNORED_LABEL, type Measurement, type TokenRow } from '@tuning/protocol';

/**
 * Row sums and set totals from token losses, added up in float64 in row and token order.
 * @throws BadInputError `NON_FINITE_LOSS` where the mean is so large that its perplexity is no number.
 */
export function summarise(
  rows: readonly TokenRow[],
  losses: readonly Float32Array[],
  dropped: Readonly<Record<string, number>>,
): Measurement {
  const result = { row: [] as number[], sumNll: [] as number[], tokens: [] as number[] };
  let sumNll = 0;
  let tokens = 0;
  let rowMeans = 0;
  for (const [index, row] of rows.entries()) {
    let rowSum = 0;
    let rowTokens = 0;
    for (const [position, loss] of losses[index]!.entries()) {
      if (row.labels[position + 1] === IGNORED_LABEL) continue;
      rowSum += loss;
      rowTokens++;
    }
    result.row.push(row.row);
    result.sumNll.push(rowSum);
    result.tokens.push(rowTokens);
    sumNll += rowSum;
    tokens += rowTokens;
    rowMeans += rowSum / rowTokens;
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
