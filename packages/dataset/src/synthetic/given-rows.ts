import type { Row } from '../row.ts';
import type { GeneratorName, SyntheticGenerator } from './generator.ts';

/** Gives out a set that was made before: how a set that no seed rebuilds is checked against its seal. */
export function givenRows(rows: readonly Row[], name: GeneratorName = 'llm'): SyntheticGenerator {
  return {
    name,
    replayable: true,
    generate: async ({ count }) => ({
      rows: [...rows],
      account: {
        generator: name,
        asked: count,
        proposed: rows.length,
        accepted: rows.length,
        refused: {},
        filled: 0,
        shortfall: Math.max(0, count - rows.length),
        strategies: {},
      },
    }),
  };
}
