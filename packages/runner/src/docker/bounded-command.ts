import type { JobSpec } from '../job.ts';
import type { Tools } from './image-tools.ts';

/** A daemon that lives ends a job first, and says why. */
const MARGIN_MS = 5_000;
/** About a century; what is longer is no limit, and not every `timeout` counts further. */
const MAX_SECONDS = 2 ** 31 - 1;
/** The watch counts blocks, which are more than bytes. */
const MARGIN_SHARE = 0.1;
const MARGIN_KIB = 1_024;
/** Walking a folder costs little; a full disk is worse. */
const LOOK_SECONDS = 5;

/** Last words of a container that its own watch ended. */
export const OVERFULL = 'tuning: the job folder takes more blocks than its limit allows';

/**
 * Ends every process of the container when the folder it works in has grown by more than $1 KiB. The command takes the shell's place, so
 * that its end, its signals and its exit code stay its own; the watch beside it goes with the container.
 */
const WATCH = `
kib() { set -- $("$du" -sk . 2>/dev/null); echo "\${1:-0}"; }
du=$1
max=$(($(kib) + $2))
shift 2
(
  while sleep ${LOOK_SECONDS}; do
    [ "$(kib)" -le "$max" ] && continue
    echo "${OVERFULL}" >&2
    kill -KILL -1
  done
) </dev/null >/dev/null &
exec "$@"`;

/**
 * A job's command with what holds it to its bounds from within while no daemon lives: as much of it as the image has programs for.
 */
export function boundedCommand(spec: JobSpec, tools: Tools): readonly string[] {
  return watched(spec, tools, timed(spec, tools));
}

/** Under `timeout`: SIGTERM a little after the wall time, after the grace time SIGKILL. */
function timed({ command, limits }: JobSpec, { timeout }: Tools): readonly string[] {
  const seconds = Math.ceil((limits.wallMs + limits.graceMs + MARGIN_MS) / 1000);
  if (timeout === undefined || seconds > MAX_SECONDS) return command;
  // SIGKILL after 0 s would be none at all.
  const grace = Math.max(1, Math.ceil(limits.graceMs / 1000));
  return [timeout, '-s', 'TERM', '-k', String(grace), String(seconds), ...command];
}

function watched({ limits }: JobSpec, { sh, du }: Tools, command: readonly string[]): readonly string[] {
  if (sh === undefined || du === undefined) return command;
  const kib = Math.ceil((limits.outputBytes / 1024) * (1 + MARGIN_SHARE)) + MARGIN_KIB;
  return [sh, '-c', WATCH, 'watch', du, String(kib), ...command];
}
