import { dropReasons, readDataset, tokenise } from '@tuning/dataset';
import { loadTokenizerFor } from '@tuning/llm';
import { datasetTypeSchema, IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import { z } from 'zod';

export const previewInputSchema = z.strictObject({
  /** The base's folder: its tokenizer and its chat template are used. */
  baseDir: z.string(),
  /** JSON lines. */
  rowsFile: z.string(),
  type: datasetTypeSchema,
  sequenceLen: z.number().int(),
  /** Sequences to show. */
  shown: z.number().int().min(0),
});

export type PreviewInput = z.infer<typeof previewInputSchema>;

const count = z.number().int().min(0);
/** A stretch of a sequence whose tokens are all trained, or all masked. */
const partSchema = z.strictObject({ text: z.string(), tokens: count, trained: z.boolean() });
export const previewSchema = z.strictObject({
  /** Sequences that are trained on and measured; a row of completion may be several. */
  kept: count,
  dropped: z.partialRecord(z.enum(dropReasons), count),
  tokens: count,
  trainedTokens: count,
  /** The first sequences. `row`: its number, from 1 without a header. */
  sequences: z.array(z.strictObject({ row: z.number().int(), parts: z.array(partSchema) })),
});
export type Preview = z.infer<typeof previewSchema>;
type Part = z.infer<typeof partSchema>;

/** Rows that are tokenised at once: their sequences are counted and let go. */
const BATCH = 500;

/**
 * What training and measuring make of the rows, by the very code that they use: counts over all rows, and the first
 * sequences as text, masked and trained parts apart. Unbounded in time and memory (a template may loop for ever): only for a
 * sealed job.
 * @throws BadInputError of dataset and llm, for instance `CHAT_TEMPLATE_MISSING`.
 */
export async function previewRows(
  { baseDir, rowsFile, type, sequenceLen, shown }: PreviewInput,
  onProgress: (done: number, total: number) => void,
): Promise<Preview> {
  const tokenizer = await loadTokenizerFor(type, baseDir);
  const { rows } = await readDataset({ path: rowsFile, format: 'json' });
  const preview: Preview = { kept: 0, dropped: {}, tokens: 0, trainedTokens: 0, sequences: [] };
  for (let from = 0; from < rows.length; from += BATCH) {
    const { rows: sequences, dropped } = tokenise(rows.slice(from, from + BATCH), type, tokenizer, sequenceLen);
    for (const sequence of sequences) {
      preview.kept++;
      preview.tokens += sequence.ids.length;
      for (const label of sequence.labels) if (label !== IGNORED_LABEL) preview.trainedTokens++;
      if (preview.sequences.length === shown) continue;
      preview.sequences.push({ row: from + sequence.row + 1, parts: partsOf(sequence, tokenizer.decode) });
    }
    for (const reason of dropReasons) {
      if (dropped[reason]) preview.dropped[reason] = (preview.dropped[reason] ?? 0) + dropped[reason];
    }
    onProgress(Math.min(rows.length, from + BATCH), rows.length);
  }
  return preview;
}

/** The text up to each border, so that a word is written as it stands in the whole and not as it would begin a text. */
function partsOf({ ids, labels }: TokenRow, decode: (ids: readonly number[]) => string): Part[] {
  const parts: Part[] = [];
  let before = '';
  let start = 0;
  for (let end = 1; end <= ids.length; end++) {
    const trained = labels[start] !== IGNORED_LABEL;
    if (end < ids.length && (labels[end] !== IGNORED_LABEL) === trained) continue;
    const whole = decode([...ids.subarray(0, end)]);
    // A border inside a character: its first part is no text yet.
    const text = whole.startsWith(before) ? whole.slice(before.length) : decode([...ids.subarray(start, end)]);
    parts.push({ text, tokens: end - start, trained });
    before = whole;
    start = end;
  }
  return parts;
}
