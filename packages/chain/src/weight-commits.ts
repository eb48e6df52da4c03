import { z } from 'zod';
import type { ChainState } from './chain-state.ts';
import { account, hexBytes, uint } from './chain-values.ts';
import type { EpochClock } from './epoch-clock.ts';

/** Weights that a hotkey has committed and that are not revealed yet. */
export interface WeightCommit {
  form: 'timelocked' | 'commit-reveal';
  block: number;
  /** The subnet's epoch in which it was committed. */
  epoch: number;
  /** Drand round that opens it; undefined in the hash form. */
  round: number | undefined;
  /** The committed hash, or the ciphertext. */
  content: Uint8Array;
}

const hashRow = z.tuple([hexBytes, uint, uint, uint]);
const timelockedRow = z.tuple([account, uint, hexBytes, uint]);

/** A hotkey's unrevealed commits, oldest first. */
export async function readWeightCommits(
  state: ChainState,
  netuid: number,
  hotkey: string,
  clock: EpochClock,
): Promise<WeightCommit[]> {
  const has = (item: string) => state.has('subtensorModule', item);
  const [hashes, sealed] = await Promise.all([
    readHashCommits(state, netuid, hotkey, clock),
    has('timelockedWeightCommits')
      ? state.rows(uint, z.array(timelockedRow), 'subtensorModule', 'timelockedWeightCommits', netuid)
      : new Map<number, z.output<typeof timelockedRow>[]>(),
  ]);
  const timelocked = [...sealed].flatMap(([epoch, rows]) =>
    rows
      .filter(([who]) => who === hotkey)
      .map(([, block, content, round]): WeightCommit => ({ form: 'timelocked', block, epoch, round, content })),
  );
  return [...hashes, ...timelocked].sort((a, b) => a.block - b.block);
}

/** The commits of the hash form alone. */
export async function readHashCommits(
  state: ChainState,
  netuid: number,
  hotkey: string,
  clock: EpochClock,
): Promise<WeightCommit[]> {
  if (!state.has('subtensorModule', 'weightCommits')) return [];
  const rows = await state.read(z.array(hashRow).nullable(), 'subtensorModule', 'weightCommits', netuid, hotkey);
  // Where epochs are counted, a row is (hash, epoch, block, 0); before, it was (hash, block, first, last block of reveal).
  const counted = state.has('subtensorModule', 'subnetEpochIndex');
  return (rows ?? []).map(([content, second, third]): WeightCommit => {
    const block = counted ? third : second;
    const behind = counted ? 0 : Math.ceil((clock.nextStart - block) / clock.length) - 1;
    return { form: 'commit-reveal', block, epoch: counted ? second : clock.epoch - behind, round: undefined, content };
  });
}
