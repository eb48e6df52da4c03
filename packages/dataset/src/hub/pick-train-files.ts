import { BadInputError } from '@tuning/kit';
import type { DataFile } from '../read/row-stream.ts';
import { matchesGlob } from './glob.ts';
import { type ReadmeConfig, readmeConfig } from './readme-config.ts';

/** Formats by file name; `unsupported` ones are known to `load_dataset`, so they must not be passed over in silence. */
const FORMATS: readonly { format: DataFile['format'] | 'unsupported'; name: RegExp }[] = [
  { format: 'csv', name: /\.(csv|tsv)(\.(gz|zst))?$/i },
  { format: 'json', name: /\.(json|jsonl|ndjson)(\.(gz|zst))?$/i },
  { format: 'parquet', name: /\.parquet(\.(gz|zst))?$/i },
  { format: 'unsupported', name: /\.(arrow|txt|xml|(csv|tsv|json|jsonl|ndjson)\.(bz2|xz|zip))$/i },
];
const IGNORED = new Set(['config.json', 'dataset_info.json', 'dataset_infos.json', 'dataset_dict.json']);
const SEPARATOR = '[-._ 0-9]';
const SPLIT_WORDS = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'dev', 'val'],
  test: ['test', 'testing', 'eval', 'evaluation'],
} as const;
type Split = keyof typeof SPLIT_WORDS;

const formatOf = (path: string) => FORMATS.find(({ name }) => name.test(path))?.format;

/**
 * Files of the split `train` of a dataset repo, by the rules of `load_dataset`: the README's `configs[].data_files`;
 * else `data/train-00000-of-0000N*`; else split words as folder names; else split words in file names; else all data
 * files. Of mixed formats the most frequent one is taken. Sorted by path.
 * @param files paths in the repo. @param readme text of its README.md.
 * @throws BadInputError DATASET_NO_TRAIN_SPLIT, DATASET_FORMAT_UNSUPPORTED, DATASET_BAD_README, DATASET_CONFIG_AMBIGUOUS.
 */
export function pickTrainFiles(files: readonly string[], readme?: string): DataFile[] {
  const config = readme === undefined ? undefined : readmeConfig(readme);
  const folder = config?.data_dir ? `${config.data_dir.replace(/^\.?\/+|\/+$/g, '')}/` : '';
  const data = [...new Set(files)].filter((path) => path.startsWith(folder) && isData(path)).sort();
  const train =
    config?.data_files === undefined
      ? byNames(data.map((path) => path.slice(folder.length))).map((path) => folder + path)
      : byConfig(data, config, folder);
  if (train.length === 0) {
    const some = data.length === 0 ? 'no data files' : `only ${data.slice(0, 5).join(', ')}`;
    throw new BadInputError(
      'DATASET_NO_TRAIN_SPLIT',
      `the dataset repo has no files of a split "train": it has ${some}`,
    );
  }
  return ofOneFormat(train);
}

function isData(path: string): boolean {
  const parts = path.split('/');
  const hidden = parts.some((part) => part.startsWith('.') || part.startsWith('__'));
  return !hidden && !IGNORED.has(parts.at(-1)!) && formatOf(path) !== undefined;
}

function byConfig(data: string[], config: ReadmeConfig, folder: string): string[] {
  const patterns = [config.data_files ?? []].flat().flatMap((entry) => {
    if (typeof entry === 'string') return [entry];
    return entry.split === 'train' ? [entry.path].flat() : [];
  });
  const globs = patterns.map((pattern) => {
    if (/^[a-z][a-z0-9+.-]*:\/\/|^\/|(^|\/)\.\.(\/|$)/i.test(pattern)) {
      throw new BadInputError(
        'DATASET_BAD_README',
        `README.md names data outside its repo (${pattern}): only own files are read`,
      );
    }
    return folder + pattern.replace(/^\.\//, '');
  });
  return data.filter((path) => globs.some((glob) => matchesGlob(glob, path)));
}

function byNames(data: string[]): string[] {
  const sharded = data
    .map((path) => ({ path, split: /^data\/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]*$/.exec(path)?.[1] }))
    .filter(({ split }) => split !== undefined);
  if (sharded.length > 0) return sharded.filter(({ split }) => split === 'train').map(({ path }) => path);
  for (const splitsOf of [splitsByFolder, splitsByFileName]) {
    const found = data.map((path) => ({ path, splits: splitsOf(path) })).filter(({ splits }) => splits.length > 0);
    if (found.length > 0) return found.filter(({ splits }) => splits.includes('train')).map(({ path }) => path);
  }
  return data;
}

const wordRegExps = (before: string, after: string): [Split, RegExp][] =>
  Object.entries(SPLIT_WORDS).map(([split, words]) => [
    split as Split,
    new RegExp(`(?:^|${before})(?:${words.join('|')})(?:${after})`),
  ]);
const IN_FOLDER = wordRegExps(SEPARATOR, `${SEPARATOR}|$`);
const IN_FILE_NAME = wordRegExps(SEPARATOR, SEPARATOR);

function splitsByFolder(path: string): Split[] {
  const folders = path.split('/').slice(0, -1);
  return IN_FOLDER.filter(([, regex]) => folders.some((name) => regex.test(name))).map(([split]) => split);
}

function splitsByFileName(path: string): Split[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return IN_FILE_NAME.filter(([, regex]) => regex.test(name)).map(([split]) => split);
}

function ofOneFormat(paths: string[]): DataFile[] {
  const groups = new Map<ReturnType<typeof formatOf>, string[]>();
  for (const path of paths) groups.set(formatOf(path), [...(groups.get(formatOf(path)) ?? []), path]);
  const [format, chosen] = [...groups].sort(([, a], [, b]) => b.length - a.length)[0]!;
  if (format === undefined || format === 'unsupported') {
    throw new BadInputError(
      'DATASET_FORMAT_UNSUPPORTED',
      `the train split of the dataset repo is ${chosen[0]}: only parquet, csv, tsv, json, jsonl and ndjson files are read`,
    );
  }
  return chosen.map((path) => ({ path, format }));
}
