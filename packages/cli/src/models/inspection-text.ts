import type { Verdict } from '@tuning/protocol';
import { textTable } from '../text-table.ts';
import { deltaMap } from './delta-map.ts';
import { factLines } from './evaluation-text.ts';
import type { InspectedTensor, Inspection } from './inspection.ts';
import type { ModelSource } from './model-source.ts';

export interface InspectionReport {
  readonly model: ModelSource;
  readonly base: ModelSource | undefined;
  readonly inspection: Inspection;
  /** As a validator judges it; absent without a base. */
  readonly verdict: Verdict | undefined;
}

/** The report for a reader. `tensors`: with a line per tensor. `colour`: for a terminal. */
export function inspectionText(report: InspectionReport, options: { tensors: boolean; colour: boolean }): string {
  const { model, base, inspection, verdict } = report;
  const dtypes = [...new Set(inspection.tensors.map(({ dtype }) => dtype))].join(', ');
  const facts: [string, string][] = [
    ['model', `${model.name} (${inspection.kind === 'full' ? 'a whole model' : 'an adapter'})`],
    ...(base ? ([['base', base.name]] as [string, string][]) : []),
    ...Object.entries(inspection.config).map(([key, value]): [string, string] => [key, String(value)]),
    ['parameters', inspection.parameters.toLocaleString('en')],
    ['weights', `${inspection.tensors.length} tensors, ${inspection.bytes.toLocaleString('en')} bytes, ${dtypes}`],
    ['files', inspection.files.join(', ').slice(0, 1_000)],
    ...(model.leftOut.length === 0
      ? []
      : ([['not read', model.leftOut.join(', ').slice(0, 500)]] as [string, string][])),
    ...inspection.problems.map(({ code, message }): [string, string] => ['problem', `${code}: ${message}`]),
    ...(verdict ? ([['verdict', `${verdict.code}: ${verdict.reason}`]] as [string, string][]) : []),
  ];
  const parts = [factLines(facts)];
  if (inspection.changes) {
    parts.push(factLines([['change', `${inspection.relative!.toExponential(3)} of the size of all weights`]]));
    parts.push(deltaMap(inspection.changes, options.colour));
  }
  if (options.tensors) parts.push(tensorTable(inspection));
  return parts.join('\n');
}

function tensorTable({ tensors, changes }: Inspection): string {
  const byName = new Map(changes?.map((change) => [change.name, change]));
  const number = (value: number | null | undefined) => (value == null ? '-' : value.toExponential(3));
  return textTable<InspectedTensor>(
    [
      { title: 'TENSOR', value: ({ name }) => name },
      { title: 'DTYPE', value: ({ dtype }) => dtype },
      { title: 'SHAPE', value: ({ shape }) => shape.join('x') || 'scalar' },
      { title: 'RMS', value: ({ rms }) => number(rms) },
      { title: 'MAX', value: ({ max }) => number(max) },
      ...(changes
        ? [
            { title: 'CHANGE', value: ({ name }: InspectedTensor) => number(byName.get(name)?.relative) },
            { title: 'COSINE', value: ({ name }: InspectedTensor) => byName.get(name)?.cosine.toFixed(6) ?? '-' },
          ]
        : []),
    ],
    tensors,
  );
}
