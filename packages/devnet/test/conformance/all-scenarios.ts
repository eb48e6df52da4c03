import { readdirSync } from 'node:fs';
import type { Scenario } from './scenario.ts';

const FOLDER = new URL('scenarios/', import.meta.url);

/** Whatever the files in scenarios/ export. */
export async function allScenarios(): Promise<Scenario[]> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'));
  const modules = await Promise.all(files.map(async (name) => (await import(new URL(name, FOLDER).href)) as object));
  return modules.flatMap((module) => Object.values(module) as unknown[]).filter(isScenario);
}

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'steps' in value && 'name' in value;
}
