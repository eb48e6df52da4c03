import { compareText } from './order.ts';
import { RULES } from './rules.ts';

/** Result of one miner in one task, as the store keeps it. */
export interface ScoreRecord {
  readonly taskId: string;
  readonly hotkey: string;
  /** 0..1, of `scoreTask`. */
  readonly score: number;
  /** Of `workOf`. */
  readonly work: number;
  /** Block at which the task was decided. */
  readonly block: number;
}

export interface HotkeyWeight {
  readonly hotkey: string;
  /** Share of the whole, 0..1; all together 1. */
  readonly weight: number;
}

/**
 * Work of a task, 1..8: the square root of tokens × parameters in units of 1e14, bounded. The root, because a hundred
 * times the compute is not a hundred times the merit.
 */
export function workOf(task: {
  /** Train rows; used at 256 tokens each where `tokens` is absent. */
  readonly rows: number;
  /** Trained tokens of the train split. */
  readonly tokens?: number;
  /** Parameters of the base model. */
  readonly parameters: number;
}): number {
  const tokens = task.tokens ?? task.rows * RULES.tokensPerRow;
  const work = Math.sqrt((tokens * task.parameters) / RULES.workUnit);
  // Not `Math.max`: it would let a NaN through.
  return work > RULES.minWork ? Math.min(RULES.maxWork, work) : RULES.minWork;
}

/** Share of its value that a result still has: 1 when new, linearly to 0 at the end of the window; 0 for the future. */
export function decayAt(block: number, nowBlock: number): number {
  const age = nowBlock - block;
  return age >= 0 && age < RULES.windowBlocks ? 1 - age / RULES.windowBlocks : 0;
}

/**
 * Weights from results. For each registered hotkey `value = Σ w·score / (Σ w + 2)` over its tasks in the window, with
 * `w = work × decay`; the weight is its share of all values. Empty means that nobody has scored: the caller decides
 * whether to set anything. Scores that are not finite or negative count as 0, results with such work are ignored.
 * @returns hotkeys with a weight above 0, largest first (then by hotkey).
 * @throws RangeError for two results of one hotkey in one task.
 */
export function windowWeights(args: {
  readonly scores: readonly ScoreRecord[];
  readonly registered: readonly string[];
  readonly nowBlock: number;
}): HotkeyWeight[] {
  const registered = new Set(args.registered);
  const results = new Map<string, Map<string, ScoreRecord>>();
  for (const record of args.scores) {
    if (!registered.has(record.hotkey)) continue;
    const own = results.get(record.hotkey) ?? new Map<string, ScoreRecord>();
    if (own.has(record.taskId)) throw new RangeError(`${record.hotkey} has two results in task ${record.taskId}`);
    results.set(record.hotkey, own.set(record.taskId, record));
  }
  // Sorted before any sum: floating-point sums depend on their order, and the result must not.
  const values = [...results]
    .sort(([a], [b]) => compareText(a, b))
    .map(([hotkey, own]) => ({ hotkey, value: meanWithPrior([...own.values()], args.nowBlock) }))
    .filter(({ value }) => value > 0);
  const total = values.reduce((sum, { value }) => sum + value, 0);
  return values
    .map(({ hotkey, value }) => ({ hotkey, weight: value / total }))
    .sort((a, b) => b.weight - a.weight || compareText(a.hotkey, b.hotkey));
}

function meanWithPrior(results: ScoreRecord[], nowBlock: number): number {
  let scored = 0;
  let worked = 0;
  for (const { score, work, block } of results.sort((a, b) => compareText(a.taskId, b.taskId))) {
    if (!(Number.isFinite(work) && work > 0)) continue;
    const weight = work * decayAt(block, nowBlock);
    worked += weight;
    if (Number.isFinite(score) && score > 0) scored += weight * score;
  }
  return scored / (worked + RULES.priorWork);
}
