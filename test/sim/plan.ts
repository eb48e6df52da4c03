/** mulberry32: the same seed gives the same plan and the same order of kills (not the same moments: the machine differs). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How a job is meant to go: to its end, refused as bad input, crashing once or at every try, or cancelled on the way. */
export type Fate = 'trains' | 'input' | 'once' | 'always' | 'cancelled';

export interface PlannedJob {
  /** 16 hex digits. */
  task: string;
  fate: Fate;
  steps: number;
  stepMs: number;
  /** When it is offered, and cancelled where that is its fate, in ms from the start. */
  offerAt: number;
  cancelAt: number;
}

export interface SimulationOptions {
  jobs: number;
  /** Length of the time in which things are killed. */
  seconds: number;
  seed: number;
  slots: number;
  runner: 'process' | 'docker';
}

/** Share of all slots' time that trainings would take if nothing was killed. */
const LOAD = 0.4;
const FATES: readonly [Fate, number][] = [
  ['input', 0.04],
  ['once', 0.06],
  ['always', 0.04],
  ['cancelled', 0.06],
];

function fateOf(draw: number): Fate {
  let under = 0;
  for (const [fate, share] of FATES) {
    under += share;
    if (draw < under) return fate;
  }
  return 'trains';
}

/** Half of the jobs are there at the start, the others come within half of the time. */
export function planJobs({ jobs, seconds, slots }: SimulationOptions, random: () => number): PlannedJob[] {
  const meanMs = (seconds * 1_000 * slots * LOAD) / jobs;
  return Array.from({ length: jobs }, (_, index) => {
    const steps = 10 + Math.floor(random() * 40);
    const trainMs = meanMs * (0.5 + random());
    const offerAt = index < jobs / 2 ? 0 : Math.round(random() * seconds * 500);
    return {
      task: (index + 1).toString(16).padStart(16, '0'),
      fate: fateOf(random()),
      steps,
      stepMs: Math.max(1, Math.round(trainMs / steps)),
      offerAt,
      cancelAt: offerAt + Math.round(random() * seconds * 300),
    };
  });
}
