import type { Arithmetic, Measurement } from '@tuning/protocol';
import { printable, textTable } from '../text-table.ts';
import type { EvaluationReport, EvaluationRequest } from './evaluation.ts';

/** The report for a reader. `rows`: how many single rows to show, worst first; undefined none. */
export function evaluationText(report: EvaluationReport, request: EvaluationRequest, rows: number | undefined): string {
  const { outcome, measured, base, comparison } = report;
  const facts: [string, string][] = [
    ['model', (request.model ?? request.base).name],
    ...(request.model ? ([['base', request.base.name]] as [string, string][]) : []),
    ['data', `${request.rows.name}, ${request.rows.count} rows`],
    ['verdict', `${outcome.verdict.code}: ${outcome.verdict.reason}`],
    ...Object.entries(outcome.verdict.evidence ?? {}).map(([key, value]): [string, string] => [
      `  ${key}`,
      String(value),
    ]),
    ...arithmeticFacts(measured),
    ...(outcome.weightsDigest === undefined ? [] : ([['weights', outcome.weightsDigest]] as [string, string][])),
  ];
  const parts = [factLines(facts), lossTable(measured, base)];
  if (comparison) parts.push(comparisonText(comparison));
  if (rows !== undefined && measured) parts.push(rowTable(measured, base, rows));
  return parts.filter((part) => part !== '').join('\n');
}

/** Where and how it was computed, unless that is what goes without saying. */
export function arithmeticFacts(measured: Measurement | undefined): [string, string][] {
  const arithmetic = measured?.summary.arithmetic;
  return arithmetic === undefined ? [] : [['computed', arithmeticText(arithmetic)]];
}

function arithmeticText({ device, precision, rowsInFloat32 }: Arithmetic): string {
  const again =
    rowsInFloat32 === 0 ? '' : `; ${rowsInFloat32} rows on the CPU in float32, which ${precision} cannot hold`;
  return `on ${device} in ${precision}${again}`;
}

export function factLines(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}

function lossTable(measured: Measurement | undefined, base: Measurement | undefined): string {
  const models = [
    ...(measured ? [{ name: 'model', ...measured.summary }] : []),
    ...(base ? [{ name: 'base', ...base.summary }] : []),
  ];
  const reasons = [...new Set(models.flatMap(({ rowsDropped }) => Object.keys(rowsDropped)))];
  return textTable(
    [
      { title: '', value: ({ name }) => name },
      { title: 'LOSS', value: ({ loss }) => loss.toFixed(6) },
      { title: 'PERPLEXITY', value: ({ perplexity }) => perplexity.toFixed(4) },
      { title: 'ROW LOSS', value: ({ rowLoss }) => rowLoss.toFixed(6) },
      { title: 'TOKENS', value: ({ tokens }) => tokens },
      { title: 'ROWS', value: ({ rowsKept }) => rowsKept },
      ...reasons.map((reason) => ({
        title: reason.toUpperCase().replaceAll('_', ' '),
        value: ({ rowsDropped }: (typeof models)[number]) => rowsDropped[reason] ?? 0,
      })),
    ],
    models,
  );
}

function comparisonText({
  difference,
  low,
  high,
  chanceBetter,
  resamples,
}: NonNullable<EvaluationReport['comparison']>) {
  const better = high < 0 ? 'better than the base' : low > 0 ? 'worse than the base' : 'not told from the base';
  return factLines([
    ['difference', `${signed(difference)} nats per token: ${better}`],
    ['95 % interval', `${signed(low)} to ${signed(high)} (paired bootstrap over rows, ${resamples} resamples)`],
    ['better', `in ${percent(chanceBetter)} of the resamples`],
  ]);
}

export function rowTable({ rows }: Measurement, base: Measurement | undefined, count: number): string {
  const lines = rows.row.map((row, at) => ({
    row,
    tokens: rows.tokens[at]!,
    loss: rows.sumNll[at]! / rows.tokens[at]!,
    base: base ? base.rows.sumNll[at]! / base.rows.tokens[at]! : Number.NaN,
  }));
  const worst = lines.sort((a, b) => b.loss - a.loss || a.row - b.row).slice(0, count);
  return textTable(
    [
      { title: 'ROW', value: ({ row }) => row },
      { title: 'TOKENS', value: ({ tokens }) => tokens },
      { title: 'LOSS', value: ({ loss }) => loss.toFixed(4) },
      ...(base
        ? [
            { title: 'BASE', value: (line: (typeof lines)[number]) => line.base.toFixed(4) },
            { title: 'CHANGE', value: (line: (typeof lines)[number]) => signed(line.loss - line.base, 4) },
          ]
        : []),
    ],
    worst,
  );
}

export function percent(chance: number): string {
  return `${(chance * 100).toFixed(1)} %`;
}

export function signed(value: number, digits = 6): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(digits)}`;
}
