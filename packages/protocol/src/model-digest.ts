import { digestJson, sha256Hex } from './canonical.ts';

/** One file of a submission. */
export interface DigestedFile {
  path: string;
  sha256: string;
}

/**
 * Digest of a submission: sha256 over the canonical JSON `[[path, sha256], …]` of its files, sorted by path.
 * README.md and .gitattributes are left out, they carry no model.
 */
export function modelDigest(files: readonly DigestedFile[]): string {
  const rows = files
    .filter(({ path }) => path !== 'README.md' && path !== '.gitattributes')
    .map(({ path, sha256 }): [string, string] => [path, sha256])
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return digestJson(rows);
}

/**
 * What a commitment carries: the first 16 bytes of sha256(`tuning/submission/1\0` ‖ model digest ‖ hotkey SS58), hex.
 * It binds the content to the submitter, so that a commitment copied under another hotkey does not open. 16 bytes fit
 * the 128-byte field beside repo and commit; a second preimage still costs 2^128.
 */
export function submissionDigest(model: string, hotkey: string): string {
  return sha256Hex(`tuning/submission/1\0${model}${hotkey}`).slice(0, 32);
}
