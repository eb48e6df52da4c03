/**
 * Words of a text as 32-bit numbers, the same on every machine: only tables of this file decide, never the Unicode version
 * of the runtime. ASCII, Latin-1, Greek and Cyrillic letters are folded to lower case; white space and the signs of
 * prose part words; every other sign (as of code and sums) is a word by itself, and so is each character of scripts that
 * are written without spaces.
 */
export class Words {
  /** Hashes of the words of the last text; the first `count` are valid. */
  hashes = new Uint32Array(1024);
  count = 0;
  #hash = FNV_OFFSET;
  #open = false;

  clear(): void {
    this.count = 0;
  }

  /** Adds the words of one text; a text's end parts words. */
  add(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const kind = unit < KINDS.length ? KINDS[unit]! : kindOf(unit);
      if (kind === LETTER) {
        this.#hash = Math.imul(this.#hash ^ (unit < LOWER.length ? LOWER[unit]! : unit), FNV_PRIME);
        this.#open = true;
        continue;
      }
      if (this.#open) this.#close();
      if (kind === GAP) continue;
      this.#hash = Math.imul(this.#hash ^ unit, FNV_PRIME);
      this.#close();
    }
    if (this.#open) this.#close();
  }

  #close(): void {
    if (this.count === this.hashes.length) {
      const wider = new Uint32Array(2 * this.count);
      wider.set(this.hashes);
      this.hashes = wider;
    }
    this.hashes[this.count++] = mixed(this.#hash);
    this.#hash = FNV_OFFSET;
    this.#open = false;
  }
}

/** FNV-1a, 32 bits (draft-eastlake-fnv): one multiplication a character. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The finaliser of MurmurHash3 (public domain): every bit of the input moves every bit of the result. */
export function mixed(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const LETTER = 0;
const GAP = 1;
const SIGN = 2;

const isBetween = (unit: number, from: number, to: number) => unit >= from && unit <= to;

/** Signs that prose may have or lack without saying something else. The minus is not among them: sums need it. */
const PROSE_SIGNS = new Set('.,;:!?"\'`()[]«»¡¿·');

function kindOf(unit: number): number {
  if (unit <= 0x20 || unit === 0x7f || isBetween(unit, 0x80, 0xa0)) return GAP;
  if (unit < 0x80) {
    if (isBetween(unit, 0x30, 0x39) || isBetween(unit, 0x41, 0x5a) || isBetween(unit, 0x61, 0x7a)) return LETTER;
    return PROSE_SIGNS.has(String.fromCharCode(unit)) ? GAP : SIGN;
  }
  if (unit < 0xc0) return PROSE_SIGNS.has(String.fromCharCode(unit)) ? GAP : SIGN;
  // General punctuation, ideographic punctuation, byte order mark, full-width signs of ASCII's prose.
  if (isBetween(unit, 0x2000, 0x206f) || isBetween(unit, 0x3000, 0x303f) || unit === 0xfeff) return GAP;
  if (isBetween(unit, 0xff01, 0xff0f) || isBetween(unit, 0xff1a, 0xff20)) return GAP;
  // Thai to Myanmar, Khmer, ideographs and kana, surrogates (emoji and rare ideographs).
  if (isBetween(unit, 0x0e00, 0x109f) || isBetween(unit, 0x1780, 0x17ff)) return SIGN;
  if (isBetween(unit, 0x2e80, 0x9fff) || isBetween(unit, 0xd800, 0xfaff)) return SIGN;
  // Arrows, mathematics, boxes.
  return isBetween(unit, 0x2190, 0x2bff) ? SIGN : LETTER;
}

function lower(unit: number): number {
  if (isBetween(unit, 0x41, 0x5a)) return unit + 0x20;
  if (isBetween(unit, 0xc0, 0xde) && unit !== 0xd7) return unit + 0x20;
  if (isBetween(unit, 0x391, 0x3a9) || isBetween(unit, 0x410, 0x42f)) return unit + 0x20;
  return isBetween(unit, 0x400, 0x40f) ? unit + 0x50 : unit;
}

/** Up to the end of Cyrillic, looked up; the rest is worked out. */
const KINDS = Uint8Array.from({ length: 0x500 }, (_, unit) => kindOf(unit));
const LOWER = Uint16Array.from({ length: 0x500 }, (_, unit) => lower(unit));
