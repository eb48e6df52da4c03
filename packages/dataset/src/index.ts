import type { DatasetType, TextTokenizer, TokenRow } from '@tuning/protocol';

/** One row as read: column name to value. Values are whatever the file holds (CSV: strings). */
export type Row = Record<string, unknown>;
export type DataFormat = 'csv' | 'json';
export interface ReadLimits {
  maxBytes: number;
  maxRows: number;
  maxRowBytes: number;
}
export interface Dataset {
  rows: Row[];
  columns: string[];
  digest: string;
}
export interface DataFile {
  path: string;
  format: DataFormat;
}

const soon = (): never => {
  throw new Error('not written yet');
};

export const readDataset: (
  args: DataFile,
  options?: { signal?: AbortSignal; limits?: Partial<ReadLimits> },
) => Promise<Dataset> = soon;
export const readDatasetFiles: (
  files: readonly DataFile[],
  options?: { signal?: AbortSignal; limits?: Partial<ReadLimits> },
) => Promise<Dataset> = soon;
export const pickTrainFiles: (files: readonly string[], readme?: string) => DataFile[] = soon;
export const requireColumns: (columns: readonly string[], type: DatasetType) => void = soon;
export const renderRow: (row: Row, type: DatasetType) => { prompt: string; response: string } = soon;
export const tokenise: (
  rows: readonly Row[],
  type: DatasetType,
  tokenizer: TextTokenizer,
  sequenceLen: number,
) => { rows: TokenRow[]; dropped: Record<string, number> } = soon;
export const splitRows: (rows: readonly Row[], seed: Uint8Array) => { train: number[]; test: number[] } = soon;
export const synthesise: (args: {
  rows: readonly Row[];
  type: DatasetType;
  seed: Uint8Array;
  count: number;
  avoid?: readonly Row[];
}) => Row[] = soon;
export const rowsDigest: (rows: readonly Row[]) => string = soon;
export const toJsonLines: (rows: readonly Row[]) => Uint8Array = soon;
export interface SealParts {
  seed: Uint8Array;
  datasetDigest: string;
  trainDigest: string;
  testDigest: string;
  syntheticDigest: string;
}
export const sealOf: (parts: SealParts) => string = soon;
export const sealSplit: (
  args: { rows: readonly Row[]; type: DatasetType; seed: Uint8Array; syntheticCount: number },
  signal?: AbortSignal,
) => Promise<SealParts & { train: Row[]; test: Row[]; synthetic: Row[]; seal: string }> = soon;
export const verifySplit: (
  args: { rows: readonly Row[]; type: DatasetType; seed: Uint8Array; syntheticCount: number; seal: string },
  signal?: AbortSignal,
) => Promise<{ ok: boolean; problems: string[] }> = soon;
