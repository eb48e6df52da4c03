import { expect, test } from 'vitest';
import { checkFileList, isSubmissionFile } from '../src/index.ts';

const LIMITS = { maxBytes: 1_000_000_000, maxFiles: 12 };
const list = (...paths: string[]) => paths.map((path) => ({ path, size: 1_000 }));
const FULL = list(
  'config.json',
  'model.safetensors',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.json',
  'merges.txt',
  'README.md',
  'LICENSE',
  '.gitattributes',
  'log.jsonl',
);
const ADAPTER = list('adapter_config.json', 'adapter_model.safetensors', 'README.md', 'log.jsonl');

test('full models, shards and adapters pass', () => {
  expect(checkFileList(FULL, LIMITS)).toBeUndefined();
  expect(checkFileList(ADAPTER, LIMITS)).toBeUndefined();
  const sharded = list(
    'config.json',
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  );
  expect(checkFileList(sharded, LIMITS)).toBeUndefined();
});

test.each([
  'pytorch_model.bin',
  'training_args.bin',
  'modeling_llama.py',
  'model.onnx',
  'optimizer.pt',
  'checkpoint-10/model.safetensors',
  '../model.safetensors',
  '.hidden.safetensors',
  'adapter_model.safetensors.zip',
  'tokenizer.py',
  'config.json.exe',
  'README.md\n.py',
])('%j is named and refused', (path) => {
  expect(isSubmissionFile(path)).toBe(false);
  expect(checkFileList([...FULL, ...list(path)], LIMITS)).toMatchObject({
    code: 'unexpected_file',
    evidence: { path },
  });
});

test('a full model beside an adapter is ambiguous', () => {
  expect(checkFileList([...ADAPTER, ...list('model.safetensors')], LIMITS)).toMatchObject({
    code: 'unexpected_file',
    evidence: { path: 'model.safetensors' },
  });
});

test.each([
  [list('config.json', 'README.md'), 'model.safetensors'],
  [list('model.safetensors'), 'config.json'],
  [list('adapter_config.json'), 'adapter_model.safetensors'],
  [[], 'model.safetensors'],
])('missing files are named (%#)', (files, path) => {
  expect(checkFileList(files, LIMITS)).toMatchObject({ code: 'missing_file', evidence: { path } });
});

test('number of files, all bytes together, and JSON files are bounded', () => {
  expect(checkFileList(FULL, { ...LIMITS, maxFiles: 10 })).toMatchObject({
    code: 'too_large',
    evidence: { files: 12, maxFiles: 10 },
  });
  expect(checkFileList(FULL, { ...LIMITS, maxBytes: 11_999 })).toMatchObject({
    code: 'too_large',
    evidence: { bytes: 12_000, maxBytes: 11_999 },
  });
  const bigConfig = FULL.map((file) => (file.path === 'config.json' ? { ...file, size: 5_000_000 } : file));
  expect(checkFileList(bigConfig, LIMITS)).toMatchObject({ code: 'too_large', evidence: { path: 'config.json' } });
  const bigTokenizer = FULL.map((file) => (file.path === 'tokenizer.json' ? { ...file, size: 17_000_000 } : file));
  expect(checkFileList(bigTokenizer, LIMITS)).toBeUndefined();
});
