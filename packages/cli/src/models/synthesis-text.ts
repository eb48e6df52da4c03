import type { SyntheticReport } from '@tuning/dataset';
import { printable, textTable } from '../text-table.ts';

export interface SynthesisResult extends SyntheticReport {
  seed: string;
  seal: string;
  rows: { dataset: number; train: number; test: number };
}

/** The report of `tuning dataset synthesise` for people: counts, then figures. */
export function synthesisText({ seed, seal, rows, account, quality }: SynthesisResult): string {
  const { llm } = account;
  const counted = (counts: Readonly<Record<string, number | undefined>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name.replaceAll('_', ' ')}`)
      .join(', ') || 'none';
  const facts: [string, string][] = [
    ['seed', seed],
    ['seal', seal],
    ['rows', `${rows.dataset} read, ${rows.train} train, ${rows.test} test`],
    ['generator', llm ? `${account.generator} (${printable(llm.model)})` : account.generator],
    ['synthetic', `${account.accepted} of ${account.asked} asked, ${account.filled} of them filled in by augment`],
    ['proposed', `${account.proposed}, ${percent(quality.acceptedShare)} accepted`],
    ['refused', counted(account.refused)],
  ];
  if (Object.keys(account.strategies).length > 0) facts.push(['edits', counted(account.strategies)]);
  if (llm) {
    const tokens = `${llm.promptTokens} + ${llm.completionTokens} tokens${llm.tokensEstimated ? ' (estimated)' : ''}`;
    const cost = llm.costUsd === undefined ? '' : `, ${llm.costUsd} USD`;
    facts.push(['requests', `${llm.requests} in ${llm.seconds} s, ${tokens}${cost}`]);
    facts.push(['failures', counted(llm.failures)]);
    if (llm.stopped !== undefined) facts.push(['stopped by', llm.stopped]);
  }
  const { novelty, diversity, length } = quality;
  const spreads = [
    { figure: 'seen in train', ...novelty.train.seen },
    { figure: 'closest train row', ...novelty.train.closest },
    { figure: 'seen in test', ...novelty.test.seen },
    { figure: 'closest test row', ...novelty.test.closest },
    { figure: 'in another synthetic row', ...diversity.selfOverlap },
    { figure: 'words of a prompt, real', ...length.prompt.real },
    { figure: 'words of a prompt, synthetic', ...length.prompt.synthetic },
    { figure: 'words of an answer, real', ...length.answer.real },
    { figure: 'words of an answer, synthetic', ...length.answer.synthetic },
  ];
  const table = textTable(
    [
      { title: 'FIGURE', value: (row: (typeof spreads)[number]) => row.figure },
      { title: 'MEAN', value: (row) => row.mean },
      { title: 'P10', value: (row) => row.p10 },
      { title: 'P50', value: (row) => row.p50 },
      { title: 'P90', value: (row) => row.p90 },
      { title: 'MAX', value: (row) => row.max },
    ],
    spreads,
  );
  const last: [string, string][] = [
    ['exact copies', `${novelty.train.exact} of train rows, ${novelty.test.exact} of test rows`],
    ['distinct', `words ${diversity.synthetic.distinct1}, pairs ${diversity.synthetic.distinct2}`],
    ['  of train', `words ${diversity.train.distinct1}, pairs ${diversity.train.distinct2}`],
    ['lengths', `KS distance of prompts ${length.prompt.ks}, of answers ${length.answer.ks}`],
  ];
  return `${linesOf(facts)}\n${table}\n${linesOf(last)}`;
}

const linesOf = (facts: readonly [string, string][]) =>
  facts.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join('');
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
