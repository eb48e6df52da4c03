import { errorCode, errorMessage } from '@tuning/kit';
import type { Measurement } from '@tuning/protocol';
import { textTable } from '../text-table.ts';
import type { RankedModel, RankingReport, RankingRequest } from './evaluation.ts';
import { arithmeticFacts, factLines, percent, rowTable, signed } from './evaluation-text.ts';

/**
 * Several models for a reader, the best first.
 * @param rows how many rows to show in which the best two differ most (of one model alone its worst); undefined none.
 */
export function rankingText(
  { base, models }: RankingReport,
  request: RankingRequest,
  rows: number | undefined,
): string {
  const { loss, perplexity, tokens, rowsKept, rowsDropped } = base.summary;
  const dropped = Object.entries(rowsDropped).map(([reason, count]) => `; ${count} left out: ${reason}`);
  const facts: [string, string][] = [
    ['base', request.base.name],
    ['data', `${request.rows.name}, ${request.rows.count} rows`],
    ['measured', `${rowsKept} rows, ${tokens} tokens${dropped.join('')}`],
    ...arithmeticFacts(base),
    ['base loss', `${loss.toFixed(6)}, perplexity ${perplexity.toFixed(4)}`],
  ];
  const parts = [factLines(facts), rankingTable(models)];
  const unranked = models.filter(({ rank }) => rank === undefined);
  if (unranked.length > 0) parts.push(factLines(unranked.map((one) => [one.model.name, whyOf(one)])));
  const [first, second] = models.flatMap(({ measured }) => measured ?? []);
  if (rows !== undefined && first) {
    parts.push(second ? differingRows(first, second, rows) : rowTable(first, base, rows));
  }
  return parts.join('\n');
}

function rankingTable(models: readonly RankedModel[]): string {
  const figure = (of: (model: RankedModel) => string | undefined) => (model: RankedModel) => of(model) ?? '';
  return textTable(
    [
      { title: '#', value: ({ rank }) => rank ?? '-' },
      { title: 'MODEL', value: ({ model }) => model.name },
      { title: 'VERDICT', value: ({ result }) => codeOf(result) },
      { title: 'LOSS', value: figure(({ measured }) => measured?.summary.loss.toFixed(6)) },
      { title: 'PERPLEXITY', value: figure(({ measured }) => measured?.summary.perplexity.toFixed(4)) },
      { title: 'AGAINST BASE', value: figure(({ comparison }) => comparison && signed(comparison.difference)) },
      { title: 'BETTER THAN BASE', value: figure(({ comparison }) => comparison && percent(comparison.chanceBetter)) },
      {
        title: 'THAN NEXT',
        value: figure(({ chanceBetterThanNext: chance }) => (chance === undefined ? undefined : percent(chance))),
      },
    ],
    models,
  );
}

function codeOf(result: RankedModel['result']): string {
  return result.status === 'fulfilled' ? result.value.verdict.code : (errorCode(result.reason) ?? 'failed');
}

function whyOf({ result }: RankedModel): string {
  if (result.status === 'rejected') return `${codeOf(result)}: ${errorMessage(result.reason)}`;
  return `${result.value.verdict.code}: ${result.value.verdict.reason}`;
}

/** Rows on which the loss of the first and the second differ most, whichever is better. */
function differingRows({ rows }: Measurement, second: Measurement, count: number): string {
  const lines = rows.row.map((row, at) => ({
    row,
    tokens: rows.tokens[at]!,
    first: rows.sumNll[at]! / rows.tokens[at]!,
    second: second.rows.sumNll[at]! / second.rows.tokens[at]!,
  }));
  const apart = (line: (typeof lines)[number]) => Math.abs(line.first - line.second);
  return textTable(
    [
      { title: 'ROW', value: ({ row }) => row },
      { title: 'TOKENS', value: ({ tokens }) => tokens },
      { title: '#1', value: (line) => line.first.toFixed(4) },
      { title: '#2', value: (line) => line.second.toFixed(4) },
      { title: 'DIFFERENCE', value: (line) => signed(line.first - line.second, 4) },
    ],
    lines.sort((a, b) => apart(b) - apart(a) || a.row - b.row).slice(0, count),
  );
}
