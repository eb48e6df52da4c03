import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../src/hub/glob.ts';
import { pickTrainFiles } from '../src/index.ts';

const paths = (files: string[], readme?: string) => pickTrainFiles(files, readme).map(({ path }) => path);
const refusal = (code: string) => expect.objectContaining({ name: 'BadInputError', code });
const configs = (yaml: string) => `---\nlicense: mit\n${yaml}\n---\n# Data\n`;

describe('by names', () => {
  it.each([
    ['one file', ['README.md', 'alpaca.csv', '.gitattributes'], ['alpaca.csv']],
    [
      'shards',
      [
        'data/train-00000-of-00002.jsonl',
        'data/train-00001-of-00002.jsonl',
        'data/test-00000-of-00001.jsonl',
        'extra/train.csv',
      ],
      ['data/train-00000-of-00002.jsonl', 'data/train-00001-of-00002.jsonl'],
    ],
    ['folders before file names', ['train/a.csv', 'test/train.csv', 'x/train.csv'], ['train/a.csv']],
    ['file names', ['my_train.jsonl', 'dev.jsonl', 'eval.jsonl', 'notes.jsonl'], ['my_train.jsonl']],
    ['training', ['training-set.csv', 'testing-set.csv'], ['training-set.csv']],
    ['no split word: all files', ['a.jsonl', 'constraint.jsonl'], ['a.jsonl', 'constraint.jsonl']],
    ['the most frequent format', ['a.jsonl', 'b.jsonl', 'c.csv'], ['a.jsonl', 'b.jsonl']],
    [
      'not the files about the data',
      ['config.json', 'dataset_infos.json', 'dataset_info.json', '__x/a.csv', '.b/a.csv', 'a.json'],
      ['a.json'],
    ],
  ])('%s', (_, files, expected) => {
    expect(paths(files)).toEqual(expected);
  });

  it('gives the format', () => {
    expect(pickTrainFiles(['a.tsv'])).toEqual([{ path: 'a.tsv', format: 'csv' }]);
    expect(pickTrainFiles(['alpaca_2000.parquet'])).toEqual([{ path: 'alpaca_2000.parquet', format: 'parquet' }]);
    expect(pickTrainFiles(['a.ndjson.gz'])).toEqual([{ path: 'a.ndjson.gz', format: 'json' }]);
    expect(pickTrainFiles(['a.csv.zst'])).toEqual([{ path: 'a.csv.zst', format: 'csv' }]);
    expect(pickTrainFiles(['a.parquet.gz'])).toEqual([{ path: 'a.parquet.gz', format: 'parquet' }]);
  });

  it('does not pass over a train split in silence', () => {
    expect(() => pickTrainFiles(['README.md'])).toThrow(refusal('DATASET_NO_TRAIN_SPLIT'));
    expect(() => pickTrainFiles(['test.csv', 'validation.csv'])).toThrow(refusal('DATASET_NO_TRAIN_SPLIT'));
    expect(() => pickTrainFiles(['data/test-00000-of-00001.jsonl', 'train.csv'])).toThrow(
      refusal('DATASET_NO_TRAIN_SPLIT'),
    );
    expect(() => pickTrainFiles(['data/train-00000-of-00001.arrow', 'b.csv'])).toThrow(
      refusal('DATASET_FORMAT_UNSUPPORTED'),
    );
  });
});

describe('matchesGlob', () => {
  it.each([
    ['a*c', 'abc', true],
    ['a*c', 'a/c', false],
    ['*', '', true],
    ['*b*', 'aabaa', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['**', 'a/b/c', true],
    ['**/c', 'c', true],
    ['**/c', 'a/b/c', true],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'b/a/c', false],
    ['a/**', 'a/b/c', true],
    ['[0-9]-[!a]', '5-b', true],
    ['[0-9]-[!a]', '5-a', false],
    ['a.b', 'axb', false],
    ['a[', 'a[', true],
  ])('%s on %s', (pattern, path, expected) => {
    expect(matchesGlob(pattern, path)).toBe(expected);
  });

  it('does not hang on many stars', () => {
    expect(matchesGlob(`${'*a'.repeat(200)}b`, 'a'.repeat(1000))).toBe(false);
    expect(matchesGlob(`${'**/*a/'.repeat(50)}b`, `${'a/'.repeat(300)}c`)).toBe(false);
  });
});

describe('by README', () => {
  const files = ['a.csv', 'b/c.csv', 'b/d.csv', 'b/e/f.csv', 'test.csv'];
  it.each([
    ['a string', 'configs:\n- data_files: a.csv', ['a.csv']],
    ['a list', 'configs:\n- data_files: [a.csv, "./b/c.csv"]', ['a.csv', 'b/c.csv']],
    [
      'splits',
      'configs:\n- data_files:\n  - {split: test, path: test.csv}\n  - {split: train, path: ["b/*.csv"]}',
      ['b/c.csv', 'b/d.csv'],
    ],
    ['**', 'configs:\n- data_files: "b/**"', ['b/c.csv', 'b/d.csv', 'b/e/f.csv']],
    ['a set', 'configs:\n- data_files: "b/[a-c].cs?"', ['b/c.csv']],
    [
      'the config named default',
      'configs:\n- {config_name: x, data_files: test.csv}\n- {config_name: default, data_files: a.csv}',
      ['a.csv'],
    ],
    [
      'the config marked default',
      'configs:\n- {config_name: default, data_files: a.csv}\n- {config_name: x, data_files: test.csv, default: true}',
      ['test.csv'],
    ],
    ['data_dir', 'configs:\n- {data_dir: b/}', ['b/c.csv', 'b/d.csv', 'b/e/f.csv']],
  ])('%s', (_, yaml, expected) => {
    expect(paths(files, configs(yaml))).toEqual(expected);
  });

  it('falls back to names without configs', () => {
    expect(paths(['train.csv', 'x.csv'], configs('tags: [x]'))).toEqual(['train.csv']);
  });

  it('takes a README without a head as none', () => {
    expect(paths(['train.csv'], '# Data\n---\nconfigs: 5\n---\n')).toEqual(['train.csv']);
  });

  it.each([
    [
      'several configs',
      'configs:\n- {config_name: x, data_files: a.csv}\n- {config_name: y, data_files: a.csv}',
      'DATASET_CONFIG_AMBIGUOUS',
    ],
    ['broken YAML', 'configs: [', 'DATASET_BAD_README'],
    ['another shape', 'configs: 5', 'DATASET_BAD_README'],
    ['files elsewhere', 'configs:\n- data_files: https://example.org/a.csv', 'DATASET_BAD_README'],
    ['files above', 'configs:\n- data_files: ../a.csv', 'DATASET_BAD_README'],
    ['no train split', 'configs:\n- data_files: [{split: test, path: a.csv}]', 'DATASET_NO_TRAIN_SPLIT'],
    ['a file that is not there', 'configs:\n- data_files: z.csv', 'DATASET_NO_TRAIN_SPLIT'],
  ])('refuses %s', (_, yaml, code) => {
    expect(() => paths(files, configs(yaml))).toThrow(refusal(code));
  });
});
