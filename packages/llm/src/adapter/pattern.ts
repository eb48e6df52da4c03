import {
  type Assertion,
  type CharacterSet,
  type PatternNode,
  PatternSyntaxError,
  parsePattern,
  WORD,
} from './pattern-syntax.ts';

const MAX_INSTRUCTIONS = 20_000;
/** All matching for one adapter together; about a second at worst. */
const MAX_STEPS = 50_000_000;

type Instruction =
  | { readonly op: 'set'; readonly set: CharacterSet }
  | { readonly op: 'assertion'; readonly assertion: Assertion }
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'match' };

/** How many steps the patterns of one stranger may take together. */
export class StepBudget {
  #left: number;

  constructor(steps: number = MAX_STEPS) {
    this.#left = steps;
  }

  /** @throws PatternSyntaxError when nothing is left. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new PatternSyntaxError('takes too long to match');
  }
}

/**
 * A stranger's regular expression, matched without backtracking: all states are followed at once, so that a match takes
 * at most (instructions × characters) steps, and all matches under one budget end.
 */
export class Pattern {
  readonly #program: Instruction[] = [];
  readonly #budget: StepBudget;
  #states: [StateSet, StateSet] | undefined;

  /** @throws PatternSyntaxError for syntax that is not supported, or a pattern that is too large. */
  constructor(text: string, budget: StepBudget) {
    this.#budget = budget;
    this.#emit(parsePattern(text));
    this.#program.push({ op: 'match' });
  }

  /** True where the whole text matches (Python's `re.fullmatch`). Text outside ASCII never does. */
  matches(text: string): boolean {
    this.#states ??= [new StateSet(this.#program.length), new StateSet(this.#program.length)];
    let [current, next] = this.#states;
    current.clear();
    this.#follow(current, 0, text, 0);
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (current.size === 0) return false;
      this.#budget.spend(current.size);
      next.clear();
      for (let i = 0; i < current.size; i++) {
        const state = current.at(i);
        const instruction = this.#program[state]!;
        if (instruction.op === 'set' && instruction.set[code] === 1) this.#follow(next, state + 1, text, at + 1);
      }
      [current, next] = [next, current];
    }
    return current.has(this.#program.length - 1);
  }

  /** Adds a state and all that it leads to without a character. */
  #follow(states: StateSet, from: number, text: string, at: number): void {
    const pending = [from];
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (!states.add(state)) continue;
      this.#budget.spend(1);
      const instruction = this.#program[state]!;
      if (instruction.op === 'split') pending.push(instruction.second, instruction.first);
      else if (instruction.op === 'assertion' && holds(instruction.assertion, text, at)) pending.push(state + 1);
    }
  }

  #emit(node: PatternNode): void {
    if (this.#program.length > MAX_INSTRUCTIONS) throw new PatternSyntaxError('is too large');
    // Repeats of nothing emit nothing and would go on for ever.
    this.#budget.spend(1);
    if (node.kind === 'set') this.#program.push({ op: 'set', set: node.set });
    else if (node.kind === 'assertion') this.#program.push({ op: 'assertion', assertion: node.assertion });
    else if (node.kind === 'sequence') for (const part of node.parts) this.#emit(part);
    else if (node.kind === 'choice') this.#emitChoice(node.options);
    else this.#emitRepeat(node);
  }

  #emitChoice(options: readonly PatternNode[]): void {
    const exits: { second: number }[] = [];
    for (const [index, option] of options.entries()) {
      const last = index === options.length - 1;
      const split = last ? undefined : this.#split();
      this.#emit(option);
      if (!split) break;
      exits.push(this.#jump());
      split.second = this.#program.length;
    }
    for (const exit of exits) this.#land(exit);
  }

  #emitRepeat({ part, min, max }: Extract<PatternNode, { kind: 'repeat' }>): void {
    for (let i = 0; i < min; i++) this.#emit(part);
    if (max === Number.POSITIVE_INFINITY) {
      const split = this.#split();
      const start = this.#program.length - 1;
      this.#emit(part);
      const back = this.#jump();
      back.first = start;
      back.second = start;
      split.second = this.#program.length;
      return;
    }
    const exits = [];
    for (let i = min; i < max; i++) {
      exits.push(this.#split());
      this.#emit(part);
    }
    for (const exit of exits) exit.second = this.#program.length;
  }

  /** A fork whose first way is the next instruction; the second is set by the caller. */
  #split() {
    const split = { op: 'split' as const, first: this.#program.length + 1, second: 0 };
    this.#program.push(split);
    return split;
  }

  /** A fork with one way, set by the caller. */
  #jump() {
    const jump = { op: 'split' as const, first: 0, second: 0 };
    this.#program.push(jump);
    return jump;
  }

  #land(jump: { second: number; first?: number }): void {
    jump.first = this.#program.length;
    jump.second = this.#program.length;
  }
}

function holds(assertion: Assertion, text: string, at: number): boolean {
  if (assertion === 'start') return at === 0;
  if (assertion === 'end') return at === text.length;
  const isWord = (index: number) => WORD[text.charCodeAt(index)] === 1;
  return (isWord(at - 1) !== isWord(at)) === (assertion === 'boundary');
}

/** A set of small numbers that is cleared in no time. */
class StateSet {
  readonly #members: Int32Array;
  readonly #places: Int32Array;
  size = 0;

  constructor(capacity: number) {
    this.#members = new Int32Array(capacity);
    this.#places = new Int32Array(capacity);
  }

  has(state: number): boolean {
    const place = this.#places[state]!;
    return place < this.size && this.#members[place] === state;
  }

  /** False where it was a member already. */
  add(state: number): boolean {
    if (this.has(state)) return false;
    this.#places[state] = this.size;
    this.#members[this.size++] = state;
    return true;
  }

  at(index: number): number {
    return this.#members[index]!;
  }

  clear(): void {
    this.size = 0;
  }
}
