import { expect, it } from 'vitest';
import { allScenarios } from './all-scenarios.ts';
import type { CallSpec, Now, Step } from './scenario.ts';
import { Theatre } from './stage.ts';

/** Enough of a chain for a step to say which call it would make. */
const ANY_CHAIN: Now = {
  block: 1,
  hasCall: () => true,
  publicKey: () => `0x${'00'.repeat(32)}`,
  storage: () => Promise.resolve(null),
};

async function callsOf(step: Step): Promise<string[]> {
  if (step.kind !== 'call' && step.kind !== 'submit') return [];
  return namesIn(typeof step.call === 'function' ? await step.call(ANY_CHAIN) : step.call);
}

function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { call, args } = value as Partial<CallSpec>;
  if (typeof call === 'string' && args !== undefined) return [call, ...namesIn(Object.values(args))];
  return Object.values(value).flatMap(namesIn);
}

it('every call that the emulated runtime describes is made in a scenario', async () => {
  const scenarios = await allScenarios();
  const made = new Set((await Promise.all(scenarios.flatMap(({ steps }) => steps.map(callsOf)))).flat());
  const { registry, runtimeMetadata } = (await Theatre.open()).client.api;
  const described = runtimeMetadata.asLatest.pallets.flatMap(({ name, calls }) =>
    calls.isNone
      ? []
      : registry.lookup
          .getSiType(calls.unwrap().type)
          .def.asVariant.variants.map((variant) => `${name.toString()}.${variant.name.toString()}`),
  );
  expect(described.length).toBeGreaterThan(90);
  expect(described.filter((call) => !made.has(call))).toEqual([]);
}, 60_000);
