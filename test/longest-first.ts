import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of a group that take minutes: begun last, each would run on alone with one core idle. The longest first. */
const LONG = ['sim/simulation', 'e2e/crash', 'e2e/docker'].map((name) => `/test/${name}.test.ts`);

/** Vitest's order (groups, then large files first where durations are unknown), but with the long files at the head. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONG.findIndex((end) => moduleId.endsWith(end));
      return index === -1 ? LONG.length : index;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
