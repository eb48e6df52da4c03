/** Rows of one row group at most. */
const GROUP_ROWS = 10_000;
/** Canonical JSON text of one row group, which is encoded and decoded in one go. A single row may be more. */
const GROUP_TEXT_BYTES = 512 * 1024;

/** Cuts rows that pass by into row groups and shards. The same rows and bound give the same cuts on any machine. */
export class ShardPlanner {
  /** Rows of each row group of each shard so far. */
  readonly plan: number[][] = [];
  readonly #shardBytes: number;
  #shardFill = 0;
  #groupFill = 0;

  /** @param shardBytes canonical JSON text that one shard may hold; a single row may be more. */
  constructor(shardBytes: number) {
    this.#shardBytes = shardBytes;
  }

  /** @param bytes of the row's line. */
  add(bytes: number): void {
    let groups = this.plan.at(-1);
    if (!groups || this.#shardFill + bytes > this.#shardBytes) {
      groups = [];
      this.plan.push(groups);
      this.#shardFill = 0;
    }
    const last = groups.length - 1;
    if (last < 0 || groups[last]! >= GROUP_ROWS || this.#groupFill + bytes > GROUP_TEXT_BYTES) {
      groups.push(1);
      this.#groupFill = 0;
    } else {
      groups[last]! += 1;
    }
    this.#groupFill += bytes;
    this.#shardFill += bytes;
  }
}
