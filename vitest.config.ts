import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packagesDir = fileURLToPath(new URL('./packages/', import.meta.url));
/** Unit tests read the packages' sources, so they need no build; e2e tests spawn the built daemons. */
const alias = readdirSync(packagesDir).map((name) => ({
  find: new RegExp(`^@tuning/${name}$`),
  replacement: `${packagesDir}${name}/src/index.ts`,
}));
const env = { ORT_DISABLE_TELEMETRY: '1' };

export default defineConfig({
  resolve: { alias },
  test: {
    // Tests leave nothing behind in the machine's temporary folder, not even those that fail half way.
    globalSetup: ['./test/temp-folder.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['packages/*/test/**/*.test.ts'], env, testTimeout: 30_000, pool: 'forks' },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          env,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          pool: 'forks',
          fileParallelism: false,
        },
      },
    ],
  },
});
