/** Rows of one row group at most. */
const GROUP_ROWS = 10_000;
/** Canonical JSON text of one row group; a column of it is encoded and decoded in one go. A single row may be more. */
const GROUP_TEXT_BYTES = 512 * 1024;
/** Column chunks of one shard. Its footer names them all, and is written and read in one go: 8 us for each, twice that at first. */
export const MAX_CHUNKS = 2_048;

/** Cuts rows that pass by into row groups and shards. The same rows and bounds give the same cuts on any machine. */
export class ShardPlanner {
  /** Rows of each row group of each shard so far. */
  readonly plan: number[][] = [];
  readonly #shardBytes: number;
  readonly #shardGroups: number;
  #shardFill = 0;
  #groupFill = 0;

  /**
   * @param shardBytes canonical JSON text that one shard may hold; a single row may be more.
   * @param chunks of each row group: the columns of the file.
   */
  constructor(shardBytes: number, chunks: number) {
    this.#shardBytes = shardBytes;
    this.#shardGroups = Math.max(1, Math.floor(MAX_CHUNKS / chunks));
  }

  /** @param bytes of the row's line. */
  add(bytes: number): void {
    let groups = this.plan.at(-1);
    const isFull = groups && (groups.at(-1)! >= GROUP_ROWS || this.#groupFill + bytes > GROUP_TEXT_BYTES);
    if (!groups || this.#shardFill + bytes > this.#shardBytes || (isFull && groups.length === this.#shardGroups)) {
      groups = [];
      this.plan.push(groups);
      this.#shardFill = 0;
    }
    if (groups.length === 0 || isFull) {
      groups.push(1);
      this.#groupFill = 0;
    } else {
      groups[groups.length - 1]! += 1;
    }
    this.#groupFill += bytes;
    this.#shardFill += bytes;
  }
}
