/** Left free for the store, the log and everything else: a share of what a job needs, and at least some. */
const MARGIN_SHARE = 0.05;
const MARGIN_BYTES = 2 * 1024 ** 2;

/** Of the base model's bytes: what a job writes (model and checkpoint with the optimiser's moments). */
const OUTPUT_OF_FULL = 5;
const OUTPUT_OF_ADAPTER = 0.3;

export interface DiskRoom {
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** Bytes that a job will take: the cached base model where it is not there yet, its copy, the rows twice and what training writes. */
export function bytesOfJob(job: {
  model: { bytes: number; cached: boolean };
  rowsBytes: number;
  /** The recipe trains an adapter, not every weight. */
  adapter: boolean;
}): number {
  const { model, rowsBytes, adapter } = job;
  const copies = model.cached ? 1 : 2;
  const needed = model.bytes * (copies + (adapter ? OUTPUT_OF_ADAPTER : OUTPUT_OF_FULL)) + 2 * rowsBytes;
  return Math.ceil(needed + Math.max(MARGIN_BYTES, needed * MARGIN_SHARE));
}

/** One sentence for an operator, or undefined where there is room. */
export function lackOfRoom({ neededBytes, freeBytes: free }: DiskRoom, folder: string): string | undefined {
  if (free >= neededBytes) return undefined;
  return `the job needs about ${neededBytes} bytes of disk and ${folder} has ${free} left: free some space`;
}
