import type { Steps } from '../slices.ts';
import { ExactTable } from './exact-table.ts';
import { Frequencies } from './frequencies.ts';
import { fingerprint, Shingles } from './shingles.ts';
import { prefixLength, Sketches, smallest } from './sketches.ts';
import { Words } from './words.ts';

/** Texts to be grouped, by number from 0. Each is asked for twice, with the same answer, so that none has to be kept. */
export interface NumberedTexts {
  readonly count: number;
  /** The parts of a text, in one order for all. Empty parts say nothing. */
  of(index: number): readonly string[];
}

/** Earlier texts that are looked at for one shingle, the latest first: what bounds time where a shingle is common. */
const LOOK_BACK = 64;
/** Texts that one text is compared with at most. */
const COMPARISONS = 256;

/**
 * Shingles of more texts than this are boilerplate (a question's frame, a fixed instruction) and do not count as shared:
 * 1 % of the distinct texts, but in small sets a quarter, and at most 10.
 */
function boilerplateFrom(texts: number): number {
  return Math.max(Math.ceil(texts / 100), Math.min(10, Math.ceil(texts / 4)));
}

/**
 * Groups near-duplicates: for each text the number of the first text of its group. Version 2 of the split depends on every
 * detail of it (README). Two texts are near-duplicates when they have the same words in the same order, or when 7 of 10
 * of their shingles (three words in a row, boilerplate left out) are the same; groups are what such pairs connect.
 * Whole-number arithmetic only, so every machine gives the same groups. Memory: up to 256 bytes a text for its sketch,
 * and some 200 bytes a text of tables; texts themselves are not kept.
 */
export function* nearDuplicateSteps(texts: NumberedTexts): Steps<Int32Array> {
  const groups = new Groups(texts.count);
  const frequencies = new Frequencies(texts.count);
  const words = new Words();
  const shingles = new Shingles();
  const exact = new ExactTable(texts.count);
  let distinct = 0;
  for (let text = 0; text < texts.count; text++) {
    readWords(words, texts.of(text));
    const { low, high } = fingerprint(words);
    const first = exact.firstOf(low, high, text);
    yield;
    if (first !== text) {
      groups.join(first, text);
      continue;
    }
    distinct++;
    shingles.of(words);
    for (let i = 0; i < shingles.count; i++) frequencies.add(shingles.hashes[i]!);
    yield;
  }
  const most = boilerplateFrom(distinct);
  const search = new Search(texts.count, frequencies, groups);
  const room = new Uint32Array(4096);
  for (let text = 0; text < texts.count; text++) {
    if (!groups.isFirst(text)) continue;
    readWords(words, texts.of(text));
    yield;
    shingles.of(words);
    let kept = 0;
    for (let i = 0; i < shingles.count; i++) {
      const hash = shingles.hashes[i]!;
      if (frequencies.of(hash) <= most) shingles.hashes[kept++] = hash;
    }
    search.add(text, smallest(shingles.hashes, kept, room));
    yield;
  }
  return groups.firsts();
}

function readWords(words: Words, parts: readonly string[]): void {
  words.clear();
  for (const part of parts) words.add(part);
  if (words.count > 0) return;
  // Nothing but white space and prose signs: the characters themselves, so that "?" and "!" are two texts.
  for (const part of parts) words.add(part.replace(/[\s\S]/g, (char) => `x${char.charCodeAt(0)} `));
}

/** Union-find; the root of a group is its first text. */
class Groups {
  readonly #parents: Int32Array;
  constructor(texts: number) {
    this.#parents = new Int32Array(texts);
    for (let text = 0; text < texts; text++) this.#parents[text] = text;
  }

  isFirst(text: number): boolean {
    return this.#parents[text] === text;
  }

  of(text: number): number {
    let at = text;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [x, y] = [this.of(a), this.of(b)];
    this.#parents[Math.max(x, y)] = Math.min(x, y);
  }

  firsts(): Int32Array {
    return this.#parents.map((_, text) => this.of(text));
  }
}

/** Finds earlier texts that are alike, through the rarest shingles of each. */
class Search {
  readonly #frequencies: Frequencies;
  readonly #groups: Groups;
  readonly #sketches: Sketches;
  /** Latest posting of a slot + 1; postings of a slot are linked, the latest first. */
  readonly #heads: Uint32Array;
  readonly #comparedWith: Int32Array;
  #next = new Uint32Array(2 ** 16);
  #texts = new Uint32Array(2 ** 16);
  #postings = 0;

  constructor(texts: number, frequencies: Frequencies, groups: Groups) {
    this.#frequencies = frequencies;
    this.#groups = groups;
    this.#sketches = new Sketches(texts);
    this.#heads = new Uint32Array(2 ** Math.min(24, Math.max(12, Math.ceil(Math.log2(4 * texts + 1)))));
    this.#comparedWith = new Int32Array(texts).fill(-1);
  }

  add(text: number, sketch: Uint32Array): void {
    const frequency = (hash: number) => this.#frequencies.of(hash);
    const rarest = Array.from(sketch).sort((a, b) => frequency(a) - frequency(b) || a - b);
    let comparisons = 0;
    let isPosted = false;
    for (const hash of rarest.slice(0, prefixLength(sketch.length))) {
      if (!this.#frequencies.mayBeShared(hash)) continue;
      const slot = hash & (this.#heads.length - 1);
      let posting = this.#heads[slot]!;
      for (let looked = 0; posting !== 0 && looked < LOOK_BACK && comparisons < COMPARISONS; looked++) {
        const earlier = this.#texts[posting - 1]!;
        posting = this.#next[posting - 1]!;
        if (this.#comparedWith[earlier] === text) continue;
        this.#comparedWith[earlier] = text;
        if (this.#groups.of(earlier) === this.#groups.of(text)) continue;
        comparisons++;
        if (this.#sketches.alike(earlier, sketch)) this.#groups.join(earlier, text);
      }
      this.#post(slot, text);
      isPosted = true;
    }
    // A text without a posting is never met again.
    if (isPosted) this.#sketches.add(text, sketch);
  }

  #post(slot: number, text: number): void {
    if (this.#postings === this.#next.length) {
      this.#next = doubled(this.#next);
      this.#texts = doubled(this.#texts);
    }
    this.#next[this.#postings] = this.#heads[slot]!;
    this.#texts[this.#postings] = text;
    this.#heads[slot] = ++this.#postings;
  }
}

function doubled(list: Uint32Array): Uint32Array<ArrayBuffer> {
  const wider = new Uint32Array(2 * list.length);
  wider.set(list);
  return wider;
}
