export { pickTrainFiles } from './hub/pick-train-files.ts';
export { readmeLicence } from './hub/readme-licence.ts';
export {
  LINT_FINDINGS,
  type LintAction,
  type LintCode,
  type LintFinding,
  type LintSeverity,
} from './lint/finding.ts';
export { type LintOptions, type LintReport, lintRows, lintRowsAsync } from './lint/lint.ts';
export { requireColumns } from './prompt/layout.ts';
export { type RenderedRow, rendererOf, renderRow } from './prompt/render.ts';
export { type DropReason, dropReasons, type TokenisedRows, tokenise } from './prompt/tokenise.ts';
export type { Feature } from './publish/parquet-column.ts';
export { type PublishedShards, type Shard, type ShardArgs, writeShards } from './publish/parquet-shards.ts';
export { readShards } from './publish/read-shards.ts';
export { READ_LIMITS, type ReadLimits } from './read/limits.ts';
export { type Dataset, readDataset, readDatasetFiles } from './read/read-dataset.ts';
export type { DataFile, DataFormat, ReadOptions, ReadProgress } from './read/row-stream.ts';
export { type Row, rowLine } from './row.ts';
export { rowsDigest, rowsDigestAsync, toJsonLines, toJsonLinesAsync } from './row-lines.ts';
export { RowSelection, type Rows } from './rows.ts';
export { SEED_BYTES, SeededRandom } from './split/random.ts';
export {
  type SealDigests,
  type SealedSplit,
  type SealParts,
  type SplitArgs,
  type SplitCheck,
  sealOf,
  sealSplit,
  verifySplit,
} from './split/seal.ts';
export {
  SPLIT_RULE,
  SPLIT_VERSION,
  type Split,
  type SplitOptions,
  type SplitVersion,
  splitRows,
  splitRowsAsync,
  splitVersions,
  testSize,
} from './split/split.ts';
export { openRowFile, RowFile } from './stored/row-file.ts';
export { type StoredDataset, storeDataset } from './stored/store-dataset.ts';
export { writeRows } from './stored/write-rows.ts';
export { augmentGenerator } from './synthetic/augment-generator.ts';
export {
  GENERATOR_NAMES,
  type Generated,
  type GenerationAccount,
  type GeneratorName,
  type LlmUsage,
  REFUSALS,
  type Refusal,
  type SyntheticGenerator,
} from './synthetic/generator.ts';
export { givenRows } from './synthetic/given-rows.ts';
export { createLlmGenerator } from './synthetic/llm/llm-generator.ts';
export { LLM_DEFAULTS, type LlmOptions } from './synthetic/llm/options.ts';
export {
  measureSynthetic,
  type QualityArgs,
  type SyntheticQuality,
  type SyntheticReport,
  syntheticReportSchema,
} from './synthetic/quality.ts';
export { type Synthesis, type SynthesiseArgs, synthesise, synthesiseAsync } from './synthetic/synthesise.ts';
