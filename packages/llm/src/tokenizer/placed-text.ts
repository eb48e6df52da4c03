/** A text that a tokenizer changes before it looks at it, with the place of each character in the text as it was. */
export interface PlacedText {
  /** Code points of the changed text. */
  chars: string[];
  /** UTF-16 stretch of the text as it was, for each of `chars`. */
  starts: number[];
  ends: number[];
}

/** The text as it is. @param from its place in the whole text. */
export function placedText(text: string, from: number): PlacedText {
  const placed: PlacedText = { chars: [], starts: [], ends: [] };
  let at = from;
  for (const char of text) {
    add(placed, char, at, at + char.length);
    at += char.length;
  }
  return placed;
}

function add({ chars, starts, ends }: PlacedText, char: string, start: number, end: number): void {
  chars.push(char);
  starts.push(start);
  ends.push(end);
}

/** Puts `prefix` before the text; its characters have the place of the first one. */
export function prepended({ chars, starts, ends }: PlacedText, prefix: string): PlacedText {
  if (chars.length === 0) return { chars, starts, ends };
  const more = [...prefix];
  return {
    chars: [...more, ...chars],
    starts: [...more.map(() => starts[0]!), ...starts],
    ends: [...more.map(() => ends[0]!), ...ends],
  };
}

/** Every `pattern` becomes `content`, whose characters have the place of what they replace. */
export function replaced(text: PlacedText, pattern: string, content: string): PlacedText {
  const wanted = [...pattern];
  const made: PlacedText = { chars: [], starts: [], ends: [] };
  for (let i = 0; i < text.chars.length; ) {
    if (wanted.length > 0 && wanted.every((char, k) => text.chars[i + k] === char)) {
      const last = i + wanted.length - 1;
      for (const char of content) add(made, char, text.starts[i]!, text.ends[last]!);
      i += wanted.length;
    } else {
      add(made, text.chars[i]!, text.starts[i]!, text.ends[i]!);
      i++;
    }
  }
  return made;
}

/** What NFC may put together: a character with its marks, or the parts of a Hangul syllable. */
const CLUSTER = /[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?|\P{M}\p{M}*|\p{M}+/gsu;

/** NFC. A composed character has the place of the first one that went into it, as in `tokenizers`. */
export function composed(text: PlacedText): PlacedText {
  const made: PlacedText = { chars: [], starts: [], ends: [] };
  let i = 0;
  for (const [cluster] of text.chars.join('').matchAll(CLUSTER)) {
    const length = [...cluster].length;
    let k = 0;
    for (const char of cluster.normalize('NFC')) {
      const from = i + Math.min(k++, length - 1);
      add(made, char, text.starts[from]!, text.ends[from]!);
    }
    i += length;
  }
  return made;
}
