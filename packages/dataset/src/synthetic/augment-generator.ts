import type { SyntheticGenerator } from './generator.ts';
import { synthesiseAsync } from './synthesise.ts';

/** Edits train rows: offline, and replayable from the seed. */
export const augmentGenerator: SyntheticGenerator = {
  name: 'augment',
  replayable: true,
  async generate(args, signal) {
    const { rows, shortfall, strategies, proposed, refused } = await synthesiseAsync(args, signal);
    const account = {
      generator: 'augment' as const,
      asked: args.count,
      proposed,
      accepted: rows.length,
      refused,
      filled: 0,
      shortfall,
      strategies,
    };
    return { rows, account };
  },
};
