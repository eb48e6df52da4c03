import type { DataFormat } from '@tuning/dataset';
import { OperatorError } from '@tuning/kit';

/** What a local file's name says that it holds. @throws OperatorError `FORMAT_UNKNOWN`. */
export function localDataFormat(file: string): DataFormat {
  if (/\.(csv|tsv)(\.\w+)?$/i.test(file)) return 'csv';
  if (/\.(json|jsonl|ndjson)(\.\w+)?$/i.test(file)) return 'json';
  if (/\.parquet(\.\w+)?$/i.test(file)) return 'parquet';
  throw new OperatorError('FORMAT_UNKNOWN', `${file} ends in none of .csv, .tsv, .json, .jsonl and .parquet`);
}
