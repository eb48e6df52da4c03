import { NumberList } from '../number-list.ts';
import type { Steps } from '../slices.ts';
import { ExactTable } from './exact-table.ts';
import { Frequencies } from './frequencies.ts';
import { Groups } from './groups.ts';
import { Marks, marksOf } from './marks.ts';
import { fingerprint, Shingles } from './shingles.ts';
import { alike, prefixLength, smallest } from './sketches.ts';
import { Words } from './words.ts';

/** Texts to be grouped, by number from 0. Each may be asked for again, with the same answer, so that none has to be kept. */
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
 * Whole-number arithmetic only, so every machine gives the same groups. Memory: some 200 bytes a text of tables; texts
 * are not kept but asked for again.
 */
export function* nearDuplicateSteps(texts: NumberedTexts): Steps<Int32Array> {
  const groups = new Groups(texts.count);
  const frequencies = new Frequencies(texts.count);
  const distinct = yield* joinExact(texts, groups, frequencies);
  frequencies.close();
  const sketcher = new Sketcher(texts, frequencies, boilerplateFrom(distinct));
  const search = new Search(texts, frequencies, groups, boilerplateFrom(distinct));
  for (let text = 0; text < texts.count; text++) {
    if (!groups.isFirst(text)) continue;
    const sketch = sketcher.of(text);
    yield;
    yield* search.add(text, sketch);
    yield;
  }
  return yield* groups.firsts();
}

/** Joins texts of the same words, and counts the shingles of the others. @returns how many others there are. */
function* joinExact(texts: NumberedTexts, groups: Groups, frequencies: Frequencies): Steps<number> {
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
  return distinct;
}

/** Makes the sketch of a text: valid until the next one is made. */
class Sketcher {
  readonly #texts: NumberedTexts;
  readonly #frequencies: Frequencies;
  readonly #most: number;
  readonly #words = new Words();
  readonly #shingles = new Shingles();
  readonly #room = new Uint32Array(4096);

  constructor(texts: NumberedTexts, frequencies: Frequencies, most: number) {
    this.#texts = texts;
    this.#frequencies = frequencies;
    this.#most = most;
  }

  of(text: number): Uint32Array {
    readWords(this.#words, this.#texts.of(text));
    this.#shingles.of(this.#words);
    const { hashes, count } = this.#shingles;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!;
      if (this.#frequencies.of(hash) <= this.#most) hashes[kept++] = hash;
    }
    return smallest(hashes, kept, this.#room);
  }
}

function readWords(words: Words, parts: readonly string[]): void {
  words.clear();
  for (const part of parts) words.add(part);
  if (words.count > 0) return;
  // Nothing but white space and prose signs: the characters themselves, so that "?" and "!" are two texts.
  for (const part of parts) words.add(part.replace(/[\s\S]/g, (char) => `x${char.charCodeAt(0)} `));
}

/** Finds earlier texts that are alike, through the rarest shingles of each. */
class Search {
  readonly #frequencies: Frequencies;
  readonly #groups: Groups;
  readonly #earlier: Sketcher;
  readonly #marks: Marks;
  /** Latest posting of a slot + 1; postings of a slot are linked, the latest first. */
  readonly #heads: Uint32Array;
  readonly #comparedWith: Int32Array;
  readonly #next = new NumberList(Uint32Array);
  readonly #texts = new NumberList(Uint32Array);

  constructor(texts: NumberedTexts, frequencies: Frequencies, groups: Groups, most: number) {
    const { count } = texts;
    this.#frequencies = frequencies;
    this.#groups = groups;
    this.#earlier = new Sketcher(texts, frequencies, most);
    this.#marks = new Marks(count);
    this.#heads = new Uint32Array(2 ** Math.min(24, Math.max(12, Math.ceil(Math.log2(4 * count + 1)))));
    this.#comparedWith = new Int32Array(count).fill(-1);
  }

  *add(text: number, sketch: Uint32Array): Steps<void> {
    const frequency = (hash: number) => this.#frequencies.of(hash);
    const rarest = Array.from(sketch).sort((a, b) => frequency(a) - frequency(b) || a - b);
    const marks = marksOf(sketch);
    let comparisons = 0;
    let isPosted = false;
    for (const hash of rarest.slice(0, prefixLength(sketch.length))) {
      if (!this.#frequencies.mayBeShared(hash)) continue;
      const slot = hash & (this.#heads.length - 1);
      let posting = this.#heads[slot]!;
      for (let looked = 0; posting !== 0 && looked < LOOK_BACK && comparisons < COMPARISONS; looked++) {
        const earlier = this.#texts.at(posting - 1);
        posting = this.#next.at(posting - 1);
        if (this.#comparedWith[earlier] === text) continue;
        this.#comparedWith[earlier] = text;
        if (this.#groups.of(earlier) === this.#groups.of(text)) continue;
        comparisons++;
        if (!this.#marks.mayBeAlike(earlier, sketch, marks)) continue;
        // Made again rather than kept: few get so far, and those of all would take 256 bytes each.
        if (alike(this.#earlier.of(earlier), sketch)) this.#groups.join(earlier, text);
        yield;
      }
      this.#post(slot, text);
      isPosted = true;
    }
    // A text without a posting is never met again.
    if (isPosted) this.#marks.set(text, sketch);
  }

  #post(slot: number, text: number): void {
    this.#next.push(this.#heads[slot]!);
    this.#texts.push(text);
    this.#heads[slot] = this.#texts.length;
  }
}
