import { createHash } from 'node:crypto';
import { errorCode } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import { rendererOf } from '../prompt/render.ts';
import type { Row } from '../row.ts';

/** Identity of what a model would see and say; undefined for a row that lacks a column or an answer. */
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
      if (errorCode(error) === 'DATASET_MISSING_COLUMN') return undefined;
      throw error;
    }
  };
}
