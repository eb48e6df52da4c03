import { writeFile } from 'node:fs/promises';
import { readDataset } from '@tuning/dataset';
import { errorCode, OperatorError } from '@tuning/kit';
import { type ChatTemplate, conversationSchema, loadChatTemplate, loadTokenizer } from '@tuning/llm';
import { z } from 'zod';

export const chatInputSchema = z.strictObject({
  /** The base's folder: its template and its tokenizer are used. */
  baseDir: z.string(),
  /** JSON lines with a column `messages`, and `tools` where there are any. */
  rowsFile: z.string(),
  /** JSON lines with the column `text`, in the same order. */
  textFile: z.string(),
});

/**
 * Conversations as texts by the base's chat template. A row that the template does not take has no text. Unbounded in
 * time and memory: only for a sealed job.
 * @throws OperatorError `CHAT_TEMPLATE_MISSING`; what reading base and rows throws.
 */
export async function renderRows(
  { baseDir, rowsFile, textFile }: z.infer<typeof chatInputSchema>,
  onProgress: (done: number, total: number) => void,
): Promise<{ refused: number }> {
  const template = await loadChatTemplate(baseDir);
  if (!template) {
    throw new OperatorError('CHAT_TEMPLATE_MISSING', 'the base has no chat template: use another --type');
  }
  const { bosId, decode } = await loadTokenizer(baseDir);
  const bos = bosId === null ? undefined : decode([bosId]);
  const { rows } = await readDataset({ path: rowsFile, format: 'json' });
  let refused = 0;
  const lines = rows.map((row, at) => {
    const text = textOf(template, row);
    if (text === undefined) refused += 1;
    onProgress(at + 1, rows.length);
    // The measurement puts the start token before the text itself.
    const bare = bos !== undefined && text?.startsWith(bos) ? text.slice(bos.length) : text;
    return `${JSON.stringify({ text: bare ?? null })}\n`;
  });
  await writeFile(textFile, lines.join(''));
  return { refused };
}

function textOf(template: ChatTemplate, row: unknown): string | undefined {
  const conversation = conversationSchema.safeParse(row);
  if (!conversation.success) return undefined;
  try {
    return template.render(conversation.data);
  } catch (error) {
    if (errorCode(error) === 'CHAT_REFUSED') return undefined;
    throw error;
  }
}
