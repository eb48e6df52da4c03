/** A set of ASCII characters: 1 at the codes that belong to it. */
export type CharacterSet = Uint8Array;

export type Assertion = 'start' | 'end' | 'boundary' | 'no-boundary';

/** A regular expression as a tree. Greedy and lazy are the same where only "does it match" is asked. */
export type PatternNode =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number };

const ASCII = 128;
const MAX_DEPTH = 64;
const MAX_REPEAT = 1_000;

const setOf = (matches: (character: string) => boolean): CharacterSet =>
  Uint8Array.from({ length: ASCII }, (_, code) => (matches(String.fromCharCode(code)) ? 1 : 0));
const ANY = setOf((character) => character !== '\n');
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: setOf((character) => /\d/.test(character)),
  D: setOf((character) => /\D/.test(character)),
  w: setOf((character) => /\w/.test(character)),
  W: setOf((character) => /\W/.test(character)),
  s: setOf((character) => /\s/.test(character)),
  S: setOf((character) => /\S/.test(character)),
};
export const WORD: CharacterSet = CLASSES['w']!;
const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  A: 'start',
  Z: 'end',
  b: 'boundary',
  B: 'no-boundary',
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07' };

/** What of a pattern is not understood; the message completes "the pattern …". */
export class PatternSyntaxError extends Error {}

/**
 * Parses the part of Python's `re` syntax that a linear-time matcher can follow: literals, `.`, classes, groups,
 * alternatives, repeats (lazy too), `^ $ \A \Z \b \B`. Not lookaround, backreferences, flags, possessive repeats.
 * @throws PatternSyntaxError naming what is not supported or not closed.
 */
export function parsePattern(text: string): PatternNode {
  const parser = new PatternParser(text);
  const node = parser.choice(0);
  parser.requireEnd();
  return node;
}

class PatternParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    for (const character of text) {
      if (character.codePointAt(0)! >= ASCII) throw new PatternSyntaxError('has a character outside ASCII');
    }
    this.#text = text;
  }

  requireEnd(): void {
    if (this.#at < this.#text.length) throw new PatternSyntaxError('closes a group that is not open');
  }

  choice(depth: number): PatternNode {
    if (depth > MAX_DEPTH) throw new PatternSyntaxError(`nests groups deeper than ${MAX_DEPTH}`);
    const options = [this.#sequence(depth)];
    while (this.#take('|')) options.push(this.#sequence(depth));
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  #sequence(depth: number): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#peek())) parts.push(this.#repeat(depth));
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #repeat(depth: number): PatternNode {
    const part = this.#atom(depth);
    const bounds = this.#bounds();
    if (!bounds) return part;
    if (part.kind === 'assertion') throw new PatternSyntaxError('repeats an assertion');
    this.#take('?');
    if (this.#peek() === '+') throw new PatternSyntaxError('has a possessive repeat, which is not supported');
    if (this.#bounds()) throw new PatternSyntaxError('repeats a repeat');
    return { kind: 'repeat', part, ...bounds };
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    // A brace that is no repeat is a brace.
    const match = /^\{(\d{0,6})(,?)(\d{0,6})\}/.exec(this.#text.slice(this.#at, this.#at + 20));
    if (!match || (match[1] === '' && match[3] === '')) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    const open = match[2] === ',' ? Number.POSITIVE_INFINITY : min;
    const max = match[3] === '' ? open : Number(match[3]);
    if (max < min) throw new PatternSyntaxError('has a repeat whose maximum is below its minimum');
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEAT)) {
      throw new PatternSyntaxError(`repeats more than ${MAX_REPEAT} times`);
    }
    return { min, max };
  }

  #atom(depth: number): PatternNode {
    const character = this.#next();
    if (character === '.') return { kind: 'set', set: ANY };
    if (character === '^') return { kind: 'assertion', assertion: 'start' };
    if (character === '$') return { kind: 'assertion', assertion: 'end' };
    if (character === '(') return this.#group(depth);
    if (character === '[') return { kind: 'set', set: this.#class() };
    if (character === '\\') return this.#escape();
    if ('*+?'.includes(character)) throw new PatternSyntaxError('has a repeat of nothing');
    return literal(character);
  }

  #group(depth: number): PatternNode {
    if (this.#take('?')) {
      const name = /^P<[A-Za-z_]\w{0,63}>/.exec(this.#text.slice(this.#at, this.#at + 70));
      if (name) this.#at += name[0].length;
      else if (!this.#take(':')) throw new PatternSyntaxError(`uses (?${this.#peek()}, which is not supported`);
    }
    const node = this.choice(depth + 1);
    if (!this.#take(')')) throw new PatternSyntaxError('has a group that is not closed');
    return node;
  }

  #escape(): PatternNode {
    const character = this.#next();
    const set = CLASSES[character];
    if (set) return { kind: 'set', set };
    const assertion = ASSERTIONS[character];
    if (assertion) return { kind: 'assertion', assertion };
    return literal(escapedCharacter(character));
  }

  #class(): CharacterSet {
    const negated = this.#take('^');
    const set = new Uint8Array(ASCII);
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      const from = this.#classItem();
      const last = this.#peek() === '-' && this.#text[this.#at + 1] !== ']' ? this.#rangeEnd() : from;
      if (typeof from === 'string' && typeof last === 'string') {
        if (last < from) throw new PatternSyntaxError('has a range that ends before it begins');
        set.fill(1, from.charCodeAt(0), last.charCodeAt(0) + 1);
      } else if (typeof from !== 'string' && last === from) {
        for (let code = 0; code < ASCII; code++) set[code]! |= from[code]!;
      } else throw new PatternSyntaxError('has a range of a class');
    }
    this.#next();
    return negated ? set.map((member) => 1 - member) : set;
  }

  #rangeEnd(): string | CharacterSet {
    this.#next();
    return this.#classItem();
  }

  #classItem(): string | CharacterSet {
    const character = this.#next();
    if (character !== '\\') return character;
    const escaped = this.#next();
    return CLASSES[escaped] ?? (escaped === 'b' ? '\b' : escapedCharacter(escaped));
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new PatternSyntaxError('ends too early');
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }
}

function literal(character: string): PatternNode {
  const set = new Uint8Array(ASCII);
  set[character.charCodeAt(0)] = 1;
  return { kind: 'set', set };
}

function escapedCharacter(character: string): string {
  if (/[0-9]/.test(character)) throw new PatternSyntaxError('uses a backreference, which is not supported');
  if (!/[A-Za-z]/.test(character)) return character;
  const control = CONTROLS[character];
  if (control === undefined) throw new PatternSyntaxError(`uses \\${character}, which is not supported`);
  return control;
}
