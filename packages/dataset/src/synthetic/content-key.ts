import { createHash } from 'node:crypto';
import { errorCode } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import { rendererOf } from '../prompt/render.ts';
import type { Row } from '../row.ts';

/** Identity of what a model would see and say; undefined for a row that lacks a column or an answer, or is no conversation. */
export function contentKey(type: DatasetType): (row: Row) => string | undefined {
  const render = rendererOf(type);
  return (row) => {
    try {
      const { prompt, response } = render(row);
      if (response.trim() === '') return undefined;
      return createHash('sha256')
        .update(JSON.stringify([prompt, response]))
        .digest('base64');
    } catch (error) {
      const code = errorCode(error);
      if (code === 'DATASET_MISSING_COLUMN' || code === 'CONVERSATION_INVALID') return undefined;
      throw error;
    }
  };
}
