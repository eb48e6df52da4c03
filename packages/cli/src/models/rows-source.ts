import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expandPath } from '@tuning/config';
import { openRowFile, RowSelection, writeRows } from '@tuning/dataset';
import { errorMessage, OperatorError } from '@tuning/kit';
import { takeInDataset } from '@tuning/neuron';
import { type DatasetType, datasetTypeNames, datasetTypeSchema, type FileFormat } from '@tuning/protocol';
import { showProgress } from './progress-line.ts';
import { readingProgress } from './reading-progress.ts';
import type { Workspace } from './workspace.ts';

/** Rows to measure, as the job reads them. */
export interface RowsSource {
  /** File as given, or `namespace/name@commit`. */
  readonly name: string;
  readonly count: number;
  /** `rowsDigest` of what the data holds before `limit` cut it. */
  readonly digest: string;
  /** Absolute path of a file of JSON lines. */
  readonly file: string;
}

/**
 * Reads rows of a local csv or json file or of a hub dataset's train split, at most `limit` from the start.
 * @throws OperatorError `FORMAT_UNKNOWN`; what `takeInDataset` throws.
 */
export async function readRows(
  options: { data: string; format: string | undefined; type: DatasetType; limit: number | undefined },
  { folder, hub, signal }: Workspace,
): Promise<RowsSource> {
  const format = await formatOf(options.data, options.format);
  const [repo = '', revision] = format === 'hf' ? options.data.split('@') : [expandPath(options.data)];
  const request = {
    dataset: repo,
    dataset_type: options.type,
    file_format: format,
    ...(revision === undefined ? {} : { dataset_revision: revision }),
  };
  const files = { from: undefined, never: [] };
  const place = { folder: join(folder, 'data'), rowsFile: join(folder, 'rows.jsonl') };
  const { rows, digest, source } = await takeInDataset(request, hub, place, files, {
    signal,
    onProgress: readingProgress(),
  });
  showProgress(undefined);
  const name = source.kind === 'hf' ? `${source.repo}@${source.revision}` : options.data;
  if (options.limit === undefined || options.limit >= rows) return { name, count: rows, digest, file: place.rowsFile };
  const file = join(folder, 'first-rows.jsonl');
  const all = await openRowFile(place.rowsFile, signal);
  const first = Uint32Array.from({ length: options.limit }, (_, index) => index);
  (await writeRows(file, new RowSelection(all, first), signal)).close();
  all.close();
  return { name, count: first.length, digest, file };
}

async function formatOf(data: string, given: string | undefined): Promise<FileFormat> {
  if (given === 'csv' || given === 'json' || given === 'hf') return given;
  if (given !== undefined) {
    throw new OperatorError('FORMAT_UNKNOWN', `--format must be csv, json or hf, not "${given}"`);
  }
  if (/\.(csv|tsv)(\.(gz|zst))?$/i.test(data)) return 'csv';
  if (/\.(json|jsonl|ndjson|parquet)(\.(gz|zst))?$/i.test(data)) return 'json';
  const isFile = await stat(expandPath(data)).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return 'hf';
  throw new OperatorError('FORMAT_UNKNOWN', `${data} ends in neither .csv nor .json: name its format with --format`);
}

/** A dataset type by name, or as the JSON object of an order. @throws OperatorError `DATASET_TYPE_INVALID`. */
export function parseDatasetType(text: string): DatasetType {
  const invalid = (problem: string) =>
    new OperatorError(
      'DATASET_TYPE_INVALID',
      `--type must be ${datasetTypeNames.join(', ')} or a JSON object: ${problem}`,
    );
  let value: unknown = text;
  if (text.trimStart().startsWith('{')) {
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw invalid(errorMessage(error));
    }
  }
  const parsed = datasetTypeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(typeof value === 'string' ? `"${text.slice(0, 100)}" is no name of one` : parsed.error.message);
}

/** For `--help`. */
export const TYPE_HELP = `${datasetTypeNames.join(', ')}, or the JSON object of an order`;
