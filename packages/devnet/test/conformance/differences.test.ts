import { existsSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { NAMED_IN_RANDOM_CALLS } from '../random-calls/differences.ts';
import { allScenarios } from './all-scenarios.ts';
import { SPEC_DIFFERENCES } from './spec-differences.ts';
import { readVector } from './vectors.ts';

const VECTORS = new URL('../vectors/', import.meta.url);

it('every named difference between the specs is met by a step, or by random calls', async () => {
  const steps = (await allScenarios()).flatMap((scenario) => scenario.steps);
  const met = new Set([...NAMED_IN_RANDOM_CALLS, ...steps.flatMap(({ differs }) => differs?.ids ?? [])]);
  expect(Object.keys(SPEC_DIFFERENCES).filter((id) => !met.has(id as never))).toEqual([]);
});

it('every record belongs to a scenario, and every scenario is recorded', async () => {
  const scenarios = await allScenarios();
  const names = scenarios.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const recorded = existsSync(VECTORS) ? readdirSync(VECTORS).filter((name) => name.startsWith('conformance-')) : [];
  expect(recorded.sort()).toEqual(names.map((name) => `conformance-${name}.json`).sort());
  for (const scenario of scenarios) expect(readVector(scenario).specVersion).toBe(293);
});
