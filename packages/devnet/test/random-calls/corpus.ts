import type { SequenceStep } from './arbitraries.ts';
import type { Played } from './compare.ts';
import { summaryOf } from './digest.ts';
import type { BlockOutcome } from './direct-chain.ts';

/** Sequences that are kept with what a real runtime gave, so that the emulated one is held to it everywhere. */
export const CORPUS_SIZE = 60;

export interface Corpus {
  readonly runtime: string;
  /** Storage items that the digests are about. */
  readonly items: readonly string[];
  /** The digests are summaries. The steps are as they were played: nothing is left to decide. */
  readonly recorded: readonly { readonly steps: readonly SequenceStep[]; readonly played: Played }[];
}

type Outcome = [result: string, fee: number, ...events: string[]];
type Row = [calls: SequenceStep['calls'], outcomes: Outcome[], ...hooks: string[]];

/** A sequence to a line; empty blocks without events are 0. */
export function compact({ runtime, items, recorded }: Corpus): string {
  const lines = recorded.map(({ steps, played }) => {
    const rows = steps.map(({ calls }, i): Row | 0 => {
      const { hooks, calls: outcomes } = played.blocks[i]!;
      if (calls.length === 0 && hooks.length === 0) return 0;
      return [calls, outcomes.map(({ result, fee, events }): Outcome => [result, fee, ...events]), ...hooks];
    });
    return JSON.stringify({ rows, digest: summaryOf(played.digest) });
  });
  const head = `"runtime": ${JSON.stringify(runtime)},\n"items": ${JSON.stringify(items)},\n`;
  return `{\n${head}"recorded": [\n${lines.join(',\n')}\n]}\n`;
}

export function unpack(text: string): Corpus {
  const { runtime, items, recorded } = JSON.parse(text) as {
    runtime: string;
    items: string[];
    recorded: { rows: (Row | 0)[]; digest: Record<string, string> }[];
  };
  return {
    runtime,
    items,
    recorded: recorded.map(({ rows, digest }) => ({
      steps: rows.map((row) => ({ calls: row === 0 ? [] : row[0], blocks: 0 })),
      played: { blocks: rows.map(outcomeOf), digest },
    })),
  };
}

function outcomeOf(row: Row | 0): BlockOutcome {
  if (row === 0) return { calls: [], hooks: [] };
  const [, outcomes, ...hooks] = row;
  return { calls: outcomes.map(([result, fee, ...events]) => ({ result, fee, events })), hooks };
}
