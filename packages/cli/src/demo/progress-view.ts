import type { TaskView } from './task-client.ts';

/**
 * Shows how a task stands: on a terminal a block of lines that is redrawn, elsewhere a line whenever something changed.
 */
export class ProgressView {
  readonly #names: ReadonlyMap<string, string>;
  #drawn = 0;
  #lastLine = '';

  /** @param names hotkey → name. */
  constructor(names: ReadonlyMap<string, string>) {
    this.#names = names;
  }

  show(task: TaskView): void {
    const rows = [headline(task), ...task.group.map((member) => this.#memberLine(member))];
    if (process.stdout.isTTY) {
      const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
      process.stdout.write(`${up}${rows.map((row) => `\u001b[2K${row}`).join('\n')}\n`);
      this.#drawn = rows.length;
      return;
    }
    const line = rows.map((row) => row.trim()).join(' | ');
    const stable = line.replaceAll(/\d+ blocks? to the deadline/g, '');
    if (stable === this.#lastLine) return;
    this.#lastLine = stable;
    process.stdout.write(`  ${line}\n`);
  }

  #memberLine({ hotkey, answer, status }: TaskView['group'][number]): string {
    const name = (this.#names.get(hotkey) ?? hotkey.slice(0, 8)).padEnd(12);
    if (answer !== 'accepted') return `    ${name} ${answer}`;
    if (!status) return `    ${name} accepted`;
    const step =
      status.step === undefined ? '' : ` step ${status.step}${status.totalSteps ? `/${status.totalSteps}` : ''}`;
    const loss = status.loss === undefined ? '' : ` loss ${status.loss.toFixed(3)}`;
    return `    ${name} ${status.state}${step}${loss}`;
  }
}

function headline(task: TaskView): string {
  const { state, deadline_block: deadline, block } = task;
  if (state === 'training' && deadline !== null) {
    const left = Math.max(0, deadline - block);
    return `  ${state}, ${left} block${left === 1 ? '' : 's'} to the deadline`;
  }
  return `  ${state}`;
}
