import type { ContainerInspectInfo } from 'dockerode';
import type { ExitFile } from '../registry.ts';
import type { Ending } from './container-record.ts';

const SIGTERM_EXIT = 128 + 15;
const SIGKILL_EXIT = 128 + 9;
/** What coreutils' `timeout` makes of the end of a command that it had to tell. */
const TIMEOUT_EXIT = 124;

/**
 * How a container's end counts. OOMKilled also says that some child was killed, so it counts only where the job did not end
 * well. Where the engine was away meanwhile, an end by signal is the engine's doing: a restart takes its containers along.
 */
export function exitOf(
  info: ContainerInspectInfo,
  seen: { ending: Ending | undefined; lostContact: boolean; peakRssBytes: number; wallMs: number },
): ExitFile {
  const { ExitCode: exitCode, OOMKilled, Error: fault } = info.State;
  const startedAt = Math.max(0, Date.parse(info.State.StartedAt) || 0);
  const endedAt = Math.max(startedAt, Date.parse(info.State.FinishedAt) || 0);
  const base = { exitCode, startedAt, endedAt, peakRssBytes: seen.peakRssBytes };
  if (seen.ending) return { ...base, ...seen.ending };
  if (exitCode === 0) return { ...base, outcome: 'completed', reason: 'ended with code 0' };
  if (OOMKilled) {
    const limit = info.HostConfig.Memory ?? 0;
    return { ...base, outcome: 'memory', reason: `was killed at its limit of ${limit} bytes of memory` };
  }
  // The timer inside the container, which comes after every daemon that looks.
  if (endedAt - startedAt > seen.wallMs && [TIMEOUT_EXIT, SIGTERM_EXIT, SIGKILL_EXIT].includes(exitCode)) {
    return { ...base, outcome: 'timeout', reason: `ran longer than ${seen.wallMs} ms` };
  }
  if (seen.lostContact && (exitCode === SIGTERM_EXIT || exitCode === SIGKILL_EXIT)) {
    return { ...base, outcome: 'lost', reason: 'the Docker engine was restarted and ended the container' };
  }
  const told = fault ? `: ${fault}` : '';
  return { ...base, outcome: 'failed', reason: `ended with code ${exitCode}${told}` };
}

/** The end of a container that the engine does not know any more. */
export function lostExit(createdAt: number): ExitFile {
  return {
    outcome: 'lost',
    exitCode: null,
    reason: 'its container is gone without a result (removed by somebody, or the engine lost it)',
    startedAt: createdAt,
    endedAt: Date.now(),
    peakRssBytes: 0,
  };
}
