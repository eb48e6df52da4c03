import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

const packagesDir = fileURLToPath(new URL('./packages/', import.meta.url));
/** Unit tests read the packages' sources, so they need no build; e2e tests spawn the built daemons. */
const alias = readdirSync(packagesDir).map((name) => ({
  find: new RegExp(`^@tuning/${name}$`),
  replacement: `${packagesDir}${name}/src/index.ts`,
}));
const env = { ORT_DISABLE_TELEMETRY: '1' };
/** Vitest would leave one core idle, but tests wait about as much as they compute. */
const maxWorkers = Math.max(2, availableParallelism());
const endToEnd = { env, testTimeout: 300_000, hookTimeout: 120_000, pool: 'forks' } as const;
/**
 * Unit tests that measure their own process (memory, pauses, what it reads, whom it calls) or change what all of it
 * shares (the console, DOCKER_HOST): each in a fresh one. The others share a few, where every module is loaded once.
 */
const APART = [
  'chain/test/{lying-endpoint,polkadot-log}',
  'dataset/test/{parquet-lies,stored-rows}',
  'devnet/test/hub/{request-forgery,timing}',
  'evaluation/test/fuzz/mutated-submissions',
  'llm/test/hostile-files',
  'runner/test/docker/*',
  'wallet/test/wallet',
].map((name) => `packages/${name}.test.ts`);
const unit = { env, testTimeout: 30_000, pool: 'forks', maxWorkers } as const;
/**
 * Tournaments of one task, which wait for their deadline half of the time, and attacks, which wait for their time to be up:
 * two at once.
 */
const PAIRED = ['test/e2e/{crash,docker,docker-attacks}.test.ts'];
/** Two demos at once are as much as the machine can do: when all else is done. */
const ALONE = ['test/e2e/demo.test.ts'];

export default defineConfig({
  resolve: { alias },
  test: {
    // Tests leave nothing behind in the machine's temporary folder, not even those that fail half way.
    globalSetup: ['./test/temp-folder.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { ...unit, name: 'unit', include: ['packages/*/test/**/*.test.ts'], exclude: APART, isolate: false },
      },
      { extends: true, test: { ...unit, name: 'unit-apart', include: APART } },
      {
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          exclude: [...PAIRED, ...ALONE],
          // They wait for other processes most of the time: two files at once, whatever the machine has.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...endToEnd, name: 'paired', include: PAIRED, maxWorkers: 2, sequence: { groupOrder: 2 } } },
      { test: { ...endToEnd, name: 'alone', include: ALONE, fileParallelism: false, maxConcurrency: 2 } },
    ],
  },
});
