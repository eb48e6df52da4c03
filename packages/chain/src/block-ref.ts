/** A block of the chain: its number and its hash (`0x` + 64 hex). */
export interface BlockRef {
  readonly number: number;
  readonly hash: string;
}
