import { requireDistinct } from './order.ts';
import type { Placement } from './ranking.ts';
import { RULES } from './rules.ts';

export interface TaskScore {
  readonly hotkey: string;
  /** 0..1. */
  readonly score: number;
}

/** Share of the base loss that was removed, 0..1: (base - loss) / base; 0 where there is nothing to improve. */
export function improvementOver(baseLoss: number, loss: number): number {
  if (!Number.isFinite(baseLoss) || !Number.isFinite(loss) || baseLoss <= 0 || loss >= baseLoss) return 0;
  return (baseLoss - Math.max(0, loss)) / baseLoss;
}

/**
 * Score of each ranked miner: `0.5^(rank - 1) * min(1, improvement / 0.05)`; of everyone else in `group` 0. It depends
 * on ratios of losses only, so a task with high losses pays no more than one with low losses.
 * @param args.group hotkeys that accepted the task; those without a rank get their 0 here.
 * @returns in rank order, then the unranked in the order of `group`.
 */
export function scoreTask(args: {
  readonly ranked: readonly Pick<Placement, 'hotkey' | 'rank' | 'loss'>[];
  readonly baseLoss: number;
  readonly group?: readonly string[];
}): TaskScore[] {
  requireDistinct(args.ranked);
  const scores = [...args.ranked]
    .sort((a, b) => a.rank - b.rank)
    .map(({ hotkey, rank, loss }) => {
      const gain = Math.min(1, improvementOver(args.baseLoss, loss) / RULES.fullImprovement);
      return { hotkey, score: RULES.placementRatio ** (rank - 1) * gain };
    });
  const ranked = new Set(scores.map(({ hotkey }) => hotkey));
  const others = [...new Set(args.group ?? [])].filter((hotkey) => !ranked.has(hotkey));
  return [...scores, ...others.map((hotkey) => ({ hotkey, score: 0 }))];
}

/** How a task ended, so that no empty table goes unexplained. */
export type TaskOutcome =
  /** Two or more submissions, at least one ranked. */
  | 'ranked'
  /** One submission only, and it beat the base. */
  | 'single_submission'
  /** Submissions were accepted, none beat the base. */
  | 'none_better_than_base'
  /** Nothing passed the checks. */
  | 'no_accepted_submission';

/** @param counts.accepted submissions that passed the checks; @param counts.ranked those better than the base. */
export function taskOutcome(counts: { readonly accepted: number; readonly ranked: number }): TaskOutcome {
  if (counts.accepted === 0) return 'no_accepted_submission';
  if (counts.ranked === 0) return 'none_better_than_base';
  return counts.accepted === 1 ? 'single_submission' : 'ranked';
}
