import type { CurvePoint } from '@tuning/protocol';

const WIDTH = 64;
const HEIGHT = 12;

/**
 * The loss by step as text, WIDTH columns wide at most: each column the mean of its steps, from the lowest to the highest of
 * these. Text, because it shows wherever a README does and needs no further file in a submission. Empty below two points.
 */
export function lossChart(points: readonly Pick<CurvePoint, 'step' | 'loss'>[]): string {
  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  if (finite.length < 2) return '';
  const means = columnsOf(finite.map(({ loss }) => loss));
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const rowOf = (loss: number) => (high === low ? 0 : Math.round(((loss - low) / (high - low)) * (HEIGHT - 1)));
  const label = (loss: number) => loss.toFixed(3).padStart(8);
  const lines: string[] = [];
  for (let row = HEIGHT - 1; row >= 0; row--) {
    const value = low + ((high - low) * row) / (HEIGHT - 1);
    const marks = means.map((mean) => (rowOf(mean) === row ? '*' : ' ')).join('');
    const labelled = row === 0 || row === HEIGHT - 1 || row === Math.floor(HEIGHT / 2);
    lines.push(`${labelled ? label(value) : ' '.repeat(8)} |${marks}`.trimEnd());
  }
  const [first, last] = [`step ${finite[0]!.step}`, String(finite.at(-1)!.step)];
  lines.push(`${' '.repeat(8)} +${'-'.repeat(means.length)}`);
  lines.push(`${' '.repeat(10)}${first}${last.padStart(Math.max(last.length + 1, means.length - first.length))}`);
  return lines.join('\n');
}

/** At most WIDTH means of neighbouring values. */
function columnsOf(values: readonly number[]): number[] {
  const count = Math.min(WIDTH, values.length);
  return Array.from({ length: count }, (_, column) => {
    const [from, to] = [column, column + 1].map((edge) => Math.floor((edge * values.length) / count));
    const part = values.slice(from, to);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
