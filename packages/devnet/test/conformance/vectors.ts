import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Outcome, Scenario, Step } from './scenario.ts';
import type { DifferenceId } from './spec-differences.ts';

/** What a step did, and the names of what the spec that we emulate does differently there. */
export interface Recorded extends Outcome {
  readonly step: string;
  readonly differs?: readonly DifferenceId[];
}

/** What a real runtime was seen to do in a scenario. */
export interface Vector {
  readonly runtime: string;
  readonly specVersion: number;
  readonly steps: readonly Recorded[];
}

/** The spec that the emulated runtime follows. */
export const EMULATED_SPEC = 424;

function fileOf(scenario: Scenario): URL {
  return new URL(`../vectors/conformance-${scenario.name}.json`, import.meta.url);
}

/** What a record says of the steps themselves. */
const named = ({ name, differs }: Step): object => ({ step: name, ...(differs ? { differs: differs.ids } : {}) });

/** Throws where it was never recorded, or other steps were, or with other names of differences. */
export function readVector(scenario: Scenario): Vector {
  const file = fileOf(scenario);
  const remedy = 'record it: RECORD_VECTORS=1 SUBTENSOR_RUNTIME=<file> npx vitest run --project unit <this test>';
  if (!existsSync(file)) throw new Error(`nothing is recorded of scenario ${scenario.name}; ${remedy}`);
  const vector = JSON.parse(readFileSync(file, 'utf8')) as Vector;
  const recorded = vector.steps.map(({ step, differs }) => ({ step, ...(differs ? { differs } : {}) }));
  if (JSON.stringify(recorded) !== JSON.stringify(scenario.steps.map(named))) {
    throw new Error(`the record of scenario ${scenario.name} has other steps or differences; ${remedy}`);
  }
  return vector;
}

/** One step to a line, so that a change shows as what it is. */
export function writeVector(
  scenario: Scenario,
  runtime: { name: string; specVersion: number },
  outcomes: readonly Outcome[],
): void {
  const steps = scenario.steps.map((step, i) => JSON.stringify({ ...named(step), ...outcomes[i] }));
  const head = `"runtime": ${JSON.stringify(runtime.name)},\n"specVersion": ${runtime.specVersion},\n`;
  writeFileSync(fileOf(scenario), `{\n${head}"steps": [\n${steps.join(',\n')}\n]}\n`);
}

/** What a step must give at the spec that we emulate. */
export function expectedAt424({ differs }: Step, recorded: Outcome): Outcome {
  if (!differs) return recorded;
  const { storage, ...rest } = differs.at424;
  const merged = { ...recorded, ...rest, ...(storage ? { storage: { ...recorded.storage, ...storage } } : {}) };
  const { events, fee, blockEvents, ...told } = merged;
  return {
    ...told,
    ...(/^(pool|absent)/.test(merged.result)
      ? {}
      : { ...(events ? { events } : {}), ...(fee === undefined ? {} : { fee }) }),
    // An outcome has no list of the hooks' events where there were none.
    ...(blockEvents && blockEvents.length > 0 ? { blockEvents } : {}),
  };
}

/** As outcomes are compared: unless a scenario wants the exact amounts, only whether a fee was paid counts. */
export function comparable(outcome: Outcome, { exactFees }: Pick<Scenario, 'exactFees'>): object {
  const { fee, ...rest } = outcome;
  const { step: _, differs: __, ...told } = rest as typeof rest & Partial<Recorded>;
  if (fee === undefined) return told;
  return { ...told, fee: exactFees ? fee : fee > 0 ? 'paid' : 'none' };
}
