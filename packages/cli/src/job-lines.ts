import type { JobsView, JobView } from '@tuning/miner';

const GREEN = 32;
const CYAN = 36;
const DIM = 2;
const SEPARATOR = '  ';

interface Part {
  readonly text: string;
  /** SGR code. */
  readonly colour?: number;
}

/** One line per job, most important first, cut to `width` characters; then how many wait. */
export function jobLines({ jobs, queued }: JobsView, width: number, colour: boolean): string[] {
  const lines = jobs.map((job) => render(partsOf(job), width, colour));
  if (queued > 0) lines.push(render([{ text: `${queued} queued`, colour: DIM }], width, colour));
  return lines;
}

function partsOf(job: JobView): Part[] {
  const { id, model, state, step, totalSteps, loss, tokensPerSecond, etaMs, blocksLeft } = job;
  const parts: Part[] = [{ text: id.length > 13 ? `${id.slice(0, 12)}…` : id }];
  parts.push({ text: state, colour: state === 'training' ? CYAN : GREEN });
  if (step !== undefined && totalSteps)
    parts.push({ text: `${String(Math.floor((100 * step) / totalSteps)).padStart(3)}%` });
  if (step !== undefined) parts.push({ text: `step ${step}/${totalSteps ?? '?'}` });
  if (loss !== undefined) parts.push({ text: `loss ${loss.toFixed(4)}` });
  if (tokensPerSecond !== undefined) parts.push({ text: `${shortNumber(tokensPerSecond)} tokens/s` });
  if (etaMs !== undefined) parts.push({ text: `ETA ${clock(etaMs)}` });
  if (blocksLeft !== undefined) parts.push({ text: `${blocksLeft} blocks left` });
  return [...parts, { text: model, colour: DIM }];
}

/** Cuts before it colours: escape codes take no room on the screen. */
function render(parts: readonly Part[], width: number, colour: boolean): string {
  let line = '';
  let room = width;
  for (const [at, part] of parts.entries()) {
    const text = `${at === 0 ? '' : SEPARATOR}${part.text}`.slice(0, Math.max(0, room));
    room -= text.length;
    line += colour && part.colour !== undefined && text !== '' ? `\x1b[${part.colour}m${text}\x1b[0m` : text;
  }
  return line;
}

function shortNumber(value: number): string {
  return value >= 10_000 ? `${(value / 1_000).toFixed(1)}k` : value.toFixed(0);
}

/** `1:02:03`, `2:03`; over 99 hours in days. */
function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h >= 100) return `${Math.round(h / 24)} days`;
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
