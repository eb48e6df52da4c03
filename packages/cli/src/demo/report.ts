import type { Receipt } from '@tuning/protocol';
import type { ChainFacts } from './chain-facts.ts';
import type { TaskView } from './task-client.ts';

/** `demo-report.json`: enough to recompute ranking and weights without this program. */
export function buildReport(args: {
  receipt: Receipt;
  task: TaskView;
  facts: ChainFacts;
  names: ReadonlyMap<string, string>;
  seconds: number;
  /** See MemoryMeter. */
  peakRssBytes: number;
}): object {
  const { receipt, task, facts, names } = args;
  const { body } = receipt;
  const weightOf = new Map(facts.weights.entries.map(({ hotkey, value }) => [hotkey, value]));
  return {
    genesisHash: body.genesisHash,
    netuid: body.netuid,
    taskId: body.taskId,
    validator: body.validator,
    model: body.model,
    seal: body.seal,
    rows: body.rows,
    draw: {
      block: body.draw.block,
      blockHash: body.draw.blockHash,
      eligible: body.draw.eligible,
      order: body.draw.order,
    },
    group: body.entries.map(({ uid, hotkey }) => ({ uid, hotkey, name: names.get(hotkey) })),
    deadlineBlock: body.deadlineBlock,
    base: body.base,
    gate: body.ranking.gate,
    ranking: body.entries
      .filter(({ rank }) => rank !== undefined)
      .sort((a, b) => a.rank! - b.rank!)
      .map(({ rank, hotkey, test }) => ({ rank, hotkey, testLoss: test?.summary.loss })),
    miners: body.entries.map((entry) => ({
      name: names.get(entry.hotkey),
      uid: entry.uid,
      hotkey: entry.hotkey,
      repo: entry.submission?.repo ?? null,
      commit: entry.submission?.revision ?? null,
      commitmentBlock: entry.submission?.block ?? null,
      verdict: entry.verdict,
      reportedSteps: entry.reportedSteps ?? null,
      reportedTrainLoss: entry.reportedTrainLoss ?? null,
      synthetic: entry.synthetic?.summary ?? null,
      test: entry.test?.summary ?? null,
      passedGate: entry.passedGate,
      rank: entry.rank ?? null,
      tieChance: entry.tieChance ?? null,
      score: entry.score,
      weight: weightOf.get(entry.hotkey) ?? 0,
    })),
    scoring: { block: body.ranking.block, work: body.ranking.work, decidedBlock: task.weights?.decided_block ?? null },
    weights: { ...facts.weights, setBlock: task.weights?.block ?? null },
    commitments: facts.commitments,
    winner: body.winner ?? null,
    seconds: args.seconds,
    peakRssBytes: args.peakRssBytes,
    receipt,
  };
}

/** The closing table, one row per miner, best first. */
export function renderTable(receipt: Receipt, facts: ChainFacts): string {
  const { body } = receipt;
  const weightOf = new Map(facts.weights.entries.map(({ hotkey, value }) => [hotkey, value]));
  const header = ['uid', 'hotkey', 'steps', 'train', 'synthetic', 'test', 'base', 'verdict', 'score', 'weight'];
  const number = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(4));
  const rows = [...body.entries]
    .sort((a, b) => (a.rank ?? 99) - (b.rank ?? 99) || a.uid - b.uid)
    .map((entry) => [
      String(entry.uid),
      `${entry.hotkey.slice(0, 6)}…${entry.hotkey.slice(-4)}`,
      entry.reportedSteps === undefined ? '-' : String(entry.reportedSteps),
      number(entry.reportedTrainLoss),
      number(entry.synthetic?.summary.loss),
      number(entry.test?.summary.loss),
      number(body.base.test.loss),
      entry.verdict.code,
      entry.score.toFixed(3),
      String(weightOf.get(entry.hotkey) ?? 0),
    ]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const left = new Set([1, 7]);
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => (left.has(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
