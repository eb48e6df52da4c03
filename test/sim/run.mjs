// npm run sim -- [--jobs 200] [--minutes 10] [--seed 7] [--slots 4] [--runner process|docker] [--folder NEW, kept]
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const option = { type: 'string' };
const { values } = parseArgs({
  options: {
    jobs: { ...option, default: '200' },
    minutes: { ...option, default: '10' },
    seed: option,
    slots: option,
    runner: { ...option, default: 'process' },
    folder: option,
  },
});
const env = {
  ...process.env,
  SIM_JOBS: values.jobs,
  SIM_SECONDS: String(Number(values.minutes) * 60),
  SIM_RUNNER: values.runner,
  ...(values.seed ? { SIM_SEED: values.seed } : {}),
  ...(values.slots ? { SIM_SLOTS: values.slots } : {}),
  ...(values.folder ? { SIM_FOLDER: values.folder } : {}),
};
const vitest = ['vitest', 'run', 'test/sim', '--project', 'e2e', '--disable-console-intercept'];
process.exitCode = spawnSync('npx', vitest, { stdio: 'inherit', env }).status ?? 1;
