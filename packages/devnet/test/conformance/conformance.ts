import { beforeAll, describe, expect, it } from 'vitest';
import { play } from './player.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { Theatre } from './stage.ts';
import { comparable, EMULATED_SPEC, expectedAt424, readVector, writeVector } from './vectors.ts';

const runtime = process.env['SUBTENSOR_RUNTIME'];
/** With RECORD_VECTORS set, what the real runtime gives becomes the record; never what we compute. */
const recording = process.env['RECORD_VECTORS'] !== undefined;

/** Plays the scenarios on the emulated runtime, and on a real one where SUBTENSOR_RUNTIME names it. */
export function conformance(...scenarios: readonly Scenario[]): void {
  // First, so that what it records is what the emulated runtime is then held to.
  describe.skipIf(!runtime)('a real runtime (SUBTENSOR_RUNTIME)', () => {
    const theatre = theatreOf(runtime);
    describe.each(scenarios)('$name', (scenario) => {
      const outcomes = playedOn(theatre, scenario);
      if (recording) {
        it('is recorded', () => {
          const { specName, specVersion } = theatre().client.api.runtimeVersion;
          writeVector(scenario, { name: specName.toString(), specVersion: specVersion.toNumber() }, outcomes());
        });
        return;
      }
      it.each(scenario.steps.map((step, i) => ({ step, i, name: step.name })))('$name', ({ step, i }) => {
        const vector = readVector(scenario);
        const spec = theatre().specVersion;
        const recorded = vector.steps[i]!;
        if (spec !== vector.specVersion && spec < EMULATED_SPEC) {
          throw new Error(`spec ${spec} is neither the recorded ${vector.specVersion} nor ${EMULATED_SPEC} or newer`);
        }
        const expected = spec === vector.specVersion ? recorded : expectedAt424(step, recorded);
        expect(comparable(outcomes()[i]!, scenario)).toEqual(comparable(expected, scenario));
      });
    });
  });

  describe('the emulated runtime', () => {
    const theatre = theatreOf(undefined);
    describe.each(scenarios)('$name', (scenario) => {
      const outcomes = playedOn(theatre, scenario);
      it.each(scenario.steps.map((step, i) => ({ step, i, name: step.name })))('$name', ({ step, i }) => {
        const expected = expectedAt424(step, readVector(scenario).steps[i]!);
        expect(comparable(outcomes()[i]!, scenario)).toEqual(comparable(expected, scenario));
      });
      it('names no difference between the specs where there is none', () => {
        const { steps } = readVector(scenario);
        for (const [i, step] of scenario.steps.entries()) {
          if (!step.differs) continue;
          const expected = comparable(expectedAt424(step, steps[i]!), scenario);
          expect(expected, `step "${step.name}"`).not.toEqual(comparable(steps[i]!, scenario));
        }
      });
    });
  });
}

function theatreOf(source: string | undefined): () => Theatre {
  let theatre: Theatre | undefined;
  beforeAll(async () => {
    theatre = await Theatre.open(source);
  }, 60_000);
  return () => theatre!;
}

function playedOn(theatre: () => Theatre, scenario: Scenario): () => readonly Outcome[] {
  let outcomes: readonly Outcome[] = [];
  beforeAll(async () => {
    const stage = await theatre().stage(scenario.beacon);
    try {
      outcomes = await play(scenario, stage);
    } finally {
      await stage.close();
    }
  }, 120_000);
  return () => outcomes;
}
