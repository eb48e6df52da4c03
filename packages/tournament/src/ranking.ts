import type { RowLosses } from '@tuning/protocol';
import { chanceBetter } from './bootstrap.ts';
import { compareByBlock, compareByLoss, requireDistinct } from './order.ts';
import { RULES } from './rules.ts';

/** A submission that passed the gate, measured on the test set. */
export interface Finalist {
  readonly hotkey: string;
  /** Block of its commitment: the earlier one wins a tie. */
  readonly block: number;
  readonly rows: RowLosses;
  /** Token-weighted test loss, sum of `rows.sumNll` / sum of `rows.tokens`. */
  readonly loss: number;
}

export interface Placement {
  readonly hotkey: string;
  /** 1 = best; never shared. */
  readonly rank: number;
  readonly loss: number;
  /** Chance that it is really better than the leader it was compared with; absent for the lowest loss of all. */
  readonly tieChance?: number;
}

/** Those strictly better than the base model and those that are not (equal, worse or not finite), best first. */
export function splitByBase<T extends { hotkey: string; loss: number; block?: number }>(
  entries: readonly T[],
  baseLoss: number,
): { better: T[]; notBetter: T[] } {
  const sorted = [...entries].sort((a, b) => {
    if (Number.isFinite(a.loss) !== Number.isFinite(b.loss)) return Number.isFinite(a.loss) ? -1 : 1;
    return Number.isFinite(a.loss) ? compareByLoss(a, b) : compareByBlock(a, b);
  });
  const isBetter = ({ loss }: T) => Number.isFinite(loss) && loss < baseLoss;
  return { better: sorted.filter(isBetter), notBetter: sorted.filter((entry) => !isBetter(entry)) };
}

/**
 * Final ranks of those better than the base. Walking by test loss, the first is the leader of a group; each next one
 * that ties with the leader (`chanceBetter` of at least `RULES.tieChance`) joins the group, the first that does not leads
 * the next group. Within a group the earlier commitment block goes first (then lower loss, then hotkey): a later
 * submission must beat an earlier one by more than noise, so a retouched copy gains nothing.
 * @param args.seed decides the resamples, for instance the task id; each pair gets its own stream from it.
 * @throws RangeError when finalists were measured on different rows, or one is listed twice.
 */
export function rankFinalists(args: {
  readonly entries: readonly Finalist[];
  readonly baseLoss: number;
  readonly seed: string;
}): Placement[] {
  requireDistinct(args.entries);
  const { better } = splitByBase(args.entries, args.baseLoss);
  const groups: { entry: Finalist; tieChance: number | undefined }[][] = [];
  for (const entry of better) {
    const group = groups.at(-1);
    const leader = group?.[0]?.entry;
    if (!group || !leader) {
      groups.push([{ entry, tieChance: undefined }]);
      continue;
    }
    const pair = `tuning/tie/1\0${args.seed}\0${leader.hotkey}\0${entry.hotkey}`;
    const tieChance = chanceBetter(leader.rows, entry.rows, pair);
    if (tieChance >= RULES.tieChance) group.push({ entry, tieChance });
    else groups.push([{ entry, tieChance }]);
  }
  return groups
    .flatMap((group) => group.sort((a, b) => a.entry.block - b.entry.block || compareByLoss(a.entry, b.entry)))
    .map(({ entry, tieChance }, index) => ({
      hotkey: entry.hotkey,
      rank: index + 1,
      loss: entry.loss,
      ...(tieChance === undefined ? {} : { tieChance }),
    }));
}
