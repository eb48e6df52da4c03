import type { SeededRandom } from '../split/random.ts';

/**
 * Wordings that may stand for each other in most plain English sentences. Multi-word entries carry the words that make
 * them unambiguous. Every entry of a set may become any other of it.
 */
const SETS: readonly (readonly string[])[] = [
  ['someone who', 'a person who', 'one who'],
  ['people who', 'persons who'],
  ['something that', 'a thing that'],
  ['relating to', 'pertaining to'],
  ['consisting of', 'composed of', 'made up of'],
  ['characterized by', 'marked by', 'distinguished by'],
  ['located in', 'situated in'],
  ['found in', 'occurring in'],
  ['native to', 'indigenous to'],
  ['made of', 'made from'],
  ['for example', 'for instance'],
  ['a kind of', 'a type of', 'a sort of'],
  ['any of various', 'any of several', 'any of numerous'],
  ['the act of', 'the action of'],
  ['the state of', 'the condition of'],
  ['the quality of', 'the property of'],
  ['the part of', 'the portion of'],
  ['the amount of', 'the quantity of'],
  ['the place where', 'the location where'],
  ['by means of', 'with the help of'],
  ['in a manner', 'in a way'],
  ['in the manner of', 'in the way of'],
  ['in order to', 'so as to'],
  ['intended to', 'meant to'],
  ['unable to', 'not able to'],
  ['serves as', 'acts as'],
  ['that is', 'which is'],
  ['that are', 'which are'],
  ['that has', 'which has'],
  ['that have', 'which have'],
  ['that can', 'which can'],
  ['that was', 'which was'],
  ['in which', 'where'],
  ['in the form of', 'in the shape of'],
  ['a region', 'an area'],
  ['the entire', 'the whole'],
  ['can be', 'may be'],
  ['cause to', 'make'],
  ['resembling', 'similar to'],
  ['usually', 'generally', 'commonly', 'typically'],
  ['often', 'frequently'],
  ['especially', 'particularly'],
  ['chiefly', 'mainly', 'mostly'],
  ['approximately', 'roughly', 'about'],
  ['formerly', 'once'],
  ['quickly', 'rapidly'],
  ['slowly', 'gradually'],
  ['somewhat', 'rather'],
  ['extremely', 'very', 'highly'],
  ['therefore', 'thus'],
  ['because', 'since'],
  ['large', 'big', 'sizeable'],
  ['small', 'little'],
  ['important', 'significant'],
  ['different', 'distinct'],
  ['many', 'numerous'],
  ['several', 'various'],
  ['difficult', 'hard'],
  ['having a', 'with a'],
  ['having an', 'with an'],
  ['having the', 'with the'],
  ['lacking', 'without'],
  ['occurring', 'happening'],
  ['obtain', 'acquire'],
  ['begin', 'start'],
  ['buy', 'purchase'],
  ['help', 'assist'],
  ['needed', 'required'],
  ['sufficient', 'adequate'],
];

/** Too ambiguous to be replaced ("little if any", "once more"); they only stand in. */
const ONLY_RESULTS = new Set(
  'about,little,make,once,one who,rather,since,where,with a,with an,with the,without'.split(','),
);

const OTHERS = new Map<string, readonly string[]>();
for (const set of SETS)
  for (const entry of set)
    OTHERS.set(
      entry,
      set.filter((other) => other !== entry),
    );
const SOURCES = [...OTHERS.keys()].filter((entry) => !ONLY_RESULTS.has(entry)).sort((a, b) => b.length - a.length);
const PATTERN = new RegExp(`\\b(?:${SOURCES.join('|')})\\b`, 'gi');

/** At most this many places are changed: the text must stay recognisable as an answer to its prompt. */
const MAX_CHANGES = 2;

/** The text with one or two wordings replaced, articles corrected, capitals kept; undefined where none is known. */
export function withSynonyms(text: string, random: SeededRandom): string | undefined {
  const places = [...text.matchAll(PATTERN)];
  if (places.length === 0) return undefined;
  const chosen = new Set([random.below(places.length)]);
  if (places.length >= 3) chosen.add(random.below(places.length));
  let result = '';
  let from = 0;
  let changes = 0;
  for (const [i, match] of places.entries()) {
    if (!chosen.has(i) || changes === MAX_CHANGES) continue;
    const word = random.pick(OTHERS.get(match[0].toLowerCase())!);
    result = withArticle(result + text.slice(from, match.index), word);
    result += /^[A-Z]/.test(match[0]) ? word[0]!.toUpperCase() + word.slice(1) : word;
    from = match.index + match[0].length;
    changes++;
  }
  return result + text.slice(from);
}

/** Corrects an "a" or "an" at the end of `before` for the word that follows. */
function withArticle(before: string, next: string): string {
  return before.replace(
    /\b([Aa])n?(\s+)$/,
    (_, a: string, space: string) => `${a}${/^[aeiou]/i.test(next) ? 'n' : ''}${space}`,
  );
}
