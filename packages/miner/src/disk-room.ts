/** Left free for the store, the log and everything else: a share of what a job needs, and at least some. */
const MARGIN_SHARE = 0.05;
const MARGIN_BYTES = 2 * 1024 ** 2;

/** Of the base model's bytes: what a job writes (model and checkpoint with the optimiser's moments). */
const OUTPUT_OF_FULL = 5;
const OUTPUT_OF_ADAPTER = 0.3;

/** Bytes that a job takes from its beginning: what its model lacks in the cache, the copy, the rows twice and what training writes. */
export function bytesOfJob(job: {
  modelBytes: number;
  /** Of the model, not in the cache yet. */
  missingBytes: number;
  rowsBytes: number;
  /** The recipe trains an adapter, not every weight. */
  adapter: boolean;
}): number {
  const { modelBytes, missingBytes, rowsBytes, adapter } = job;
  const needed = missingBytes + modelBytes * (1 + (adapter ? OUTPUT_OF_ADAPTER : OUTPUT_OF_FULL)) + 2 * rowsBytes;
  return Math.ceil(needed + Math.max(MARGIN_BYTES, needed * MARGIN_SHARE));
}

/** One sentence for an operator, or undefined where there is room. */
export function lackOfRoom(
  room: {
    readonly neededBytes: number;
    readonly freeBytes: number;
    /** Of the free ones, what other jobs will still write. */
    readonly promisedBytes: number;
  },
  folder: string,
): string | undefined {
  const { neededBytes, freeBytes, promisedBytes } = room;
  if (freeBytes - promisedBytes >= neededBytes) return undefined;
  const others = promisedBytes > 0 ? `, ${promisedBytes} of them for jobs accepted before` : '';
  return `the job needs about ${neededBytes} bytes of disk and ${folder} has ${freeBytes} left${others}: free some space`;
}
