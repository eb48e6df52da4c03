// What both benches say about the machine and about the comparison.
import { availableParallelism, cpus, loadavg } from 'node:os';

/** Below this load per core before the run, the figures count as taken on a quiet machine. */
const QUIET_LOAD = 0.25;

export function conditions(threads) {
  const load = loadavg()[0];
  return {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    threads,
    loadAverageBefore: load,
    loaded: load > QUIET_LOAD * availableParallelism(),
  };
}

export const python = process.env.TUNING_BENCH_PYTHON;
export const WITHOUT_PYTHON = 'TUNING_BENCH_PYTHON names no Python with torch and transformers';

/** A whole number above 0, or exit code 78. */
export function number(flags, name) {
  const value = Number(flags[name]);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} must be a whole number above 0, not "${flags[name]}"\n`);
  return process.exit(78);
}
