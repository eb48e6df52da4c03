/** Every bound on what a stranger may send, in one place. Sizes in bytes unless the name says otherwise. */
export const LIMITS = {
  /** One libp2p message (length prefix excluded). */
  wireMessageBytes: 64 * 1024,
  /** One HTTP request body. */
  httpBodyBytes: 256 * 1024,
  /** One dataset file. */
  datasetBytes: 2 * 1024 ** 3,
  datasetRows: 5_000_000,
  /** One JSON line or CSV record. */
  rowBytes: 16 * 1024 ** 2,
  /** Rows a dataset needs at least, so that a test split means something. */
  datasetMinRows: 20,
  /** safetensors header. */
  safetensorsHeaderBytes: 16 * 1024 ** 2,
  /** config.json, adapter_config.json and the like. */
  jsonFileBytes: 4 * 1024 ** 2,
  tokenizerBytes: 64 * 1024 ** 2,
  /** Files in one submission. */
  submissionFiles: 64,
  /** One reported training curve. */
  curvePoints: 20_000,
  /** Points of it in one answer over libp2p: at some 150 bytes each they stay within `wireMessageBytes`. */
  curveAnswerPoints: 256,
} as const;
