import type { HubFile } from '@tuning/hub';
import { LIMITS, type Verdict } from '@tuning/protocol';

export interface FileListLimits {
  /** Bytes of all files together. */
  maxBytes: number;
  /** Default `LIMITS.submissionFiles`. */
  maxFiles?: number;
}

/**
 * Names that a submission may consist of. Everything else is refused unread: code, pickles (`pytorch_model.bin`,
 * `training_args.bin`), graphs (`.onnx`), archives.
 */
const ALLOWED = [
  /^[A-Za-z0-9][\w.-]{0,200}\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^(config|generation_config|adapter_config|special_tokens_map|added_tokens)\.json$/,
  /^tokenizer[\w.-]{0,60}\.(json|model)$/,
  /^vocab\.(json|txt)$/,
  /^merges\.txt$/,
  /^chat_template\.(jinja|json)$/,
  /^[A-Za-z0-9][\w.-]{0,60}\.md$/,
  /^(LICENSE|LICENCE|NOTICE|COPYING)(\.txt)?$/,
  /^\.gitattributes$/,
  /^log\.jsonl$/,
];

/** True for a path that may be part of a submission; the `accept` of its download. */
export function isSubmissionFile(path: string): boolean {
  return ALLOWED.some((pattern) => pattern.test(path));
}

/**
 * Judges a submission by its file list, before a byte of it is downloaded.
 * @returns a verdict (`unexpected_file`, `too_large`, `missing_file`), or undefined where the list is fine.
 */
export function checkFileList(files: readonly HubFile[], limits: FileListLimits): Verdict | undefined {
  const unexpected = files.find(({ path }) => !isSubmissionFile(path));
  if (unexpected) {
    const instead = 'weights come as .safetensors, beside config, tokenizer, README.md and log.jsonl';
    return refuse(unexpected.path, `has no place in a submission: ${instead}`);
  }
  if (files.some(({ path }) => path === 'adapter_config.json')) {
    const full = files.find(({ path }) => /^model.*\.(safetensors|json)$/.test(path));
    if (full) return refuse(full.path, 'stands beside an adapter: submit the adapter or the whole model, not both');
  }
  return tooLarge(files, limits) ?? missing(files);
}

function refuse(path: string, problem: string): Verdict {
  const shown = path.slice(0, 200);
  return { code: 'unexpected_file', reason: `${shown} ${problem}`, evidence: { path: shown } };
}

function tooLarge(files: readonly HubFile[], limits: FileListLimits): Verdict | undefined {
  const maxFiles = limits.maxFiles ?? LIMITS.submissionFiles;
  if (files.length > maxFiles) {
    return {
      code: 'too_large',
      reason: `the repo has ${files.length} files, allowed are ${maxFiles}`,
      evidence: { files: files.length, maxFiles },
    };
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > limits.maxBytes) {
    return {
      code: 'too_large',
      reason: `the repo has ${bytes} bytes, allowed are ${limits.maxBytes}`,
      evidence: { bytes, maxBytes: limits.maxBytes },
    };
  }
  for (const { path, size } of files) {
    if (!path.endsWith('.json') || path.startsWith('tokenizer') || path === 'vocab.json') continue;
    const max = path.endsWith('.index.json') ? LIMITS.safetensorsHeaderBytes : LIMITS.jsonFileBytes;
    if (size <= max) continue;
    return {
      code: 'too_large',
      reason: `${path} has ${size} bytes, allowed are ${max}`,
      evidence: { path, bytes: size, maxBytes: max },
    };
  }
  return undefined;
}

function missing(files: readonly HubFile[]): Verdict | undefined {
  const has = (path: string) => files.some((file) => file.path === path);
  const absent = (path: string, instead: string): Verdict => ({
    code: 'missing_file',
    reason: `there is no ${path}${instead}`,
    evidence: { path },
  });
  if (has('adapter_config.json')) {
    return has('adapter_model.safetensors')
      ? undefined
      : absent('adapter_model.safetensors', ' beside adapter_config.json');
  }
  if (!has('model.safetensors') && !has('model.safetensors.index.json')) {
    return absent('model.safetensors', ', no model.safetensors.index.json and no adapter_config.json');
  }
  return has('config.json') ? undefined : absent('config.json', ' beside the weights');
}
