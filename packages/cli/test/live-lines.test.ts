import { stripVTControlCharacters } from 'node:util';
import type { JobsView } from '@tuning/miner';
import { describe, expect, it } from 'vitest';
import { jobLines } from '../src/job-lines.ts';
import { LiveLines } from '../src/live-lines.ts';

/** A screen without scrolling that knows the codes used here, and wraps like a real one. */
class FakeTerminal {
  columns = 40;
  rows = 10;
  writes = 0;
  readonly #screen: string[] = [''];
  #row = 0;

  write(text: string): void {
    this.writes += 1;
    for (const [code] of text.replaceAll('\x1b', '⎋').matchAll(/⎋\[\d*[A-Za-z]|\r|\n|[^⎋\r\n]/g)) this.#take(code);
  }

  get screen(): string[] {
    return this.#screen.map((line) => line.trimEnd()).filter((line) => line !== '');
  }

  #take(code: string): void {
    const up = /^⎋\[(\d+)A$/.exec(code)?.[1];
    if (up !== undefined) this.#row = Math.max(0, this.#row - Number(up));
    else if (code === '⎋[0J') this.#screen.splice(this.#row, Infinity, '');
    else if (code === '\n') this.#screen[++this.#row] ??= '';
    else if (code !== '\r' && !code.endsWith('m')) this.#screen[this.#row] += code;
  }
}

const view: JobsView = {
  jobs: [
    {
      id: 'task-0123456789abcdef',
      model: 'demo/tiny-llama',
      state: 'training',
      step: 31,
      totalSteps: 90,
      loss: 3.41234,
      tokensPerSecond: 12_345,
      etaMs: 62_000,
      blocksLeft: 188,
    },
    { id: 'own-1', model: 'a/b', state: 'preparing' },
  ],
  queued: 3,
};

describe('the lines of jobs', () => {
  it('tell state, steps, loss, pace, time left and blocks to the deadline', () => {
    expect(jobLines(view, 200, false)).toEqual([
      'task-0123456…  training   34%  step 31/90  loss 3.4123  12.3k tokens/s  ETA 1:02  188 blocks left  demo/tiny-llama',
      'own-1  preparing  a/b',
      '3 queued',
    ]);
  });

  it('are cut to the width, colours or not', () => {
    for (const width of [0, 1, 20, 60]) {
      for (const line of jobLines(view, width, false)) expect(line.length).toBeLessThanOrEqual(width);
      const coloured = jobLines(view, width, true).map(stripVTControlCharacters);
      expect(coloured).toEqual(jobLines(view, width, false));
    }
    expect(jobLines(view, 60, true).join('')).toContain('\x1b[36m');
  });
});

describe('live lines', () => {
  it('stay below the log, which keeps every line whole', () => {
    const terminal = new FakeTerminal();
    const live = new LiveLines(terminal);
    live.log('one\n');
    live.draw(['a 1', 'b 1']);
    live.log('two\n');
    live.draw(['a 2']);
    live.log('three\n');
    expect(terminal.screen).toEqual(['one', 'two', 'three', 'a 2']);
    live.close();
    live.draw(['never']);
    live.log('four\n');
    expect(terminal.screen).toEqual(['one', 'two', 'three', 'four']);
  });

  it('are not drawn again where nothing changed, and never past the screen', () => {
    const terminal = new FakeTerminal();
    const live = new LiveLines(terminal);
    live.draw(['a']);
    live.draw(['a']);
    expect(terminal.writes).toBe(1);
    live.draw(Array.from({ length: 50 }, (_, at) => `job ${at}`));
    expect(terminal.screen).toHaveLength(9);
  });

  it('are taken away whole after the terminal was made narrower', () => {
    const terminal = new FakeTerminal();
    const live = new LiveLines(terminal);
    live.log('one\n');
    live.draw(['x'.repeat(39)]);
    terminal.columns = 20;
    // What a real terminal does with a line of 39 characters: it takes two rows now.
    const wrapped = new FakeTerminal();
    wrapped.write(`one\n${'x'.repeat(20)}\n${'x'.repeat(19)}\n`);
    terminal.write = (text) => wrapped.write(text);
    live.draw(['y']);
    expect(wrapped.screen).toEqual(['one', 'y']);
  });
});
