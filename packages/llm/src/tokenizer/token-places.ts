import { BadInputError } from '@tuning/kit';
import { composed, type PlacedText, placedText, prepended, replaced } from './placed-text.ts';
import { type Part, partsOf, type TokenizerParts } from './tokenizer-json.ts';

/** An entry of `added_tokens`. */
export interface AddedToken {
  readonly content: string;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

interface Places {
  starts: number[];
  ends: number[];
}

/** A stretch of text between added tokens, or one of these with the white space that it takes along. */
interface Section {
  text: string;
  from: number;
  added: boolean;
}

const MARKER = '\u2581';
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

/**
 * Finds where in a text its tokens stand, as Python's `tokenizers` gives offsets (in UTF-16 units here): the library gives
 * tokens only. Follows normaliser and pre-tokenizer, and ByteLevel's `trim_offsets` of the post-processor.
 */
export class TokenPlacer {
  readonly #added: ReadonlyMap<string, AddedToken>;
  readonly #splitter: RegExp | undefined;
  readonly #normalizers: readonly Part[];
  readonly #metaspace: Part | undefined;
  readonly #byteLevel: boolean;
  readonly #trim: Part | undefined;
  readonly #unknown: string | null;

  /** @throws BadInputError `TOKENIZER_INVALID` for a normaliser that replaces by a regular expression. */
  constructor(parts: TokenizerParts, added: readonly AddedToken[]) {
    this.#added = new Map(added.map((token) => [token.content, token]));
    const whole = added.filter(({ normalized }) => !(normalized && parts.normalizer)).map(({ content }) => content);
    const longestFirst = whole.filter((content) => content !== '').sort((a, b) => b.length - a.length);
    const escaped = longestFirst.map((content) => content.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.#splitter = escaped.length > 0 ? new RegExp(`(${escaped.join('|')})`, 'g') : undefined;
    this.#normalizers = flat(parts.normalizer, 'normalizers');
    const preTokenizers = flat(parts.pre_tokenizer, 'pretokenizers');
    this.#metaspace = preTokenizers.find(({ type }) => type === 'Metaspace');
    this.#byteLevel = preTokenizers.some(({ type }) => type === 'ByteLevel');
    this.#trim = flat(parts.post_processor, 'processors').find(
      ({ type, trim_offsets: trim }) => type === 'ByteLevel' && trim !== false,
    );
    this.#unknown = parts.model.unk_token ?? null;
    for (const { type, pattern } of this.#normalizers) {
      if (type !== 'Replace' || stringOf(pattern) !== undefined) continue;
      throw new BadInputError('TOKENIZER_INVALID', 'its normalizer replaces by a regular expression: no chat rows');
    }
  }

  /** @throws BadInputError `TOKENS_NOT_PLACED` where the tokens are not those of the text. */
  place(text: string, tokens: readonly string[]): Places {
    const places: Places = { starts: [], ends: [] };
    let next = 0;
    for (const [index, section] of this.#sections(text).entries()) {
      if (section.text === '') continue;
      if (section.added) {
        next++;
        push(places, section.from, section.from + section.text.length);
      } else {
        next = this.#placeSection(this.#changed(section, index), tokens, next, places);
      }
    }
    if (next !== tokens.length) throw notPlaced();
    if (this.#trim) trimSpaces(tokens, places, this.#trim['add_prefix_space'] !== false);
    return places;
  }

  #sections(text: string): Section[] {
    const sections: Section[] = [];
    let from = 0;
    for (const [i, part] of (this.#splitter ? text.split(this.#splitter) : [text]).entries()) {
      if (part !== '') sections.push({ text: part, from, added: i % 2 === 1 });
      from += part.length;
    }
    // As the library: an added token may take the white space beside it.
    for (const [i, section] of sections.entries()) {
      if (!section.added) continue;
      const { lstrip, rstrip } = this.#added.get(section.text)!;
      const before = sections[i - 1];
      if (lstrip && before) {
        const kept = before.text.trimEnd();
        section.text = before.text.slice(kept.length) + section.text;
        section.from -= before.text.length - kept.length;
        before.text = kept;
      }
      const after = sections[i + 1];
      if (rstrip && after) {
        const kept = after.text.trimStart();
        const taken = after.text.length - kept.length;
        section.text += after.text.slice(0, taken);
        after.text = kept;
        after.from += taken;
      }
    }
    return sections;
  }

  #changed(section: Section, index: number): PlacedText {
    let text = placedText(section.text, section.from);
    for (const part of this.#normalizers) {
      if (part.type === 'NFC') text = composed(text);
      else if (part.type === 'Prepend') text = prepended(text, String(part['prepend']));
      else if (part.type === 'Replace') text = replaced(text, stringOf(part['pattern'])!, String(part['content']));
    }
    if (!this.#metaspace) return text;
    const scheme = this.#metaspace['prepend_scheme'] ?? 'always';
    const marker = String(this.#metaspace['replacement'] ?? MARKER);
    text = replaced(text, ' ', marker);
    const wanted = scheme === 'always' || (scheme === 'first' && index === 0);
    return wanted && text.chars[0] !== marker ? prepended(text, marker) : text;
  }

  /** @returns the index of the first token behind the section. */
  #placeSection({ chars, starts, ends }: PlacedText, tokens: readonly string[], first: number, places: Places): number {
    let at = 0;
    let bytesIn = 0;
    let next = first;
    while (at < chars.length) {
      const token = tokens[next++];
      if (token === undefined) throw notPlaced();
      const isLiteral = bytesIn === 0 && startsWith(chars, at, token) && (!this.#byteLevel || this.#added.has(token));
      const from = at;
      if (isLiteral) {
        at += [...token].length;
      } else if (this.#byteLevel || BYTE_TOKEN.test(token)) {
        // Each character of a byte-level token is one byte.
        bytesIn += this.#byteLevel ? token.length : 1;
        while (at < chars.length && bytesIn >= utf8Length(chars[at]!)) bytesIn -= utf8Length(chars[at++]!);
      } else if (token === this.#unknown && bytesIn === 0) {
        at++;
      } else throw notPlaced();
      const last = bytesIn > 0 ? at : at - 1;
      if (last < from || last >= chars.length) throw notPlaced();
      push(places, starts[from]!, ends[last]!);
    }
    return next;
  }
}

function flat(part: Part | null | undefined, list: string): Part[] {
  if (!part) return [];
  return part.type === 'Sequence' ? partsOf(part, list).flatMap((inner) => flat(inner, list)) : [part];
}

function stringOf(pattern: unknown): string | undefined {
  const text = (pattern as { String?: unknown } | undefined)?.String;
  return typeof text === 'string' ? text : undefined;
}

function push(places: Places, start: number, end: number): void {
  places.starts.push(start);
  places.ends.push(end);
}

function startsWith(chars: readonly string[], at: number, token: string): boolean {
  let i = at;
  for (const char of token) if (chars[i++] !== char) return false;
  return token !== '';
}

function utf8Length(char: string): number {
  const code = char.codePointAt(0)!;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

const SPACE = /^(?:\u0120|\s)*/u;
const SPACE_BEHIND = /(?:\u0120|\s)*$/u;

/** `process_offsets` of `tokenizers`' byte_level.rs: spaces at the ends of a token are not in its stretch. */
function trimSpaces(tokens: readonly string[], { starts, ends }: Places, addPrefixSpace: boolean): void {
  for (const [i, token] of tokens.entries()) {
    const before = SPACE.exec(token)![0].length;
    const behind = SPACE_BEHIND.exec(token)![0].length;
    const isFirst = i === 0 || starts[i] === 0;
    if (before > 0 && !(isFirst && addPrefixSpace)) starts[i] = Math.min(starts[i]! + before, ends[i]!);
    if (behind > 0 && ends[i]! >= behind) ends[i] = Math.max(ends[i]! - behind, starts[i]!);
  }
}

function notPlaced(): BadInputError {
  return new BadInputError('TOKENS_NOT_PLACED', 'the places of the tokens in the text could not be found');
}
