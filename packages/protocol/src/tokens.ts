/** The label of a token that is not trained on and not measured (PyTorch's ignore_index). */
export const IGNORED_LABEL = -100;

/** What `dataset` needs of a tokenizer; `llm` provides it, so the two packages need not know each other. */
export interface TextTokenizer {
  /** Ids of `text` without special tokens added. */
  encode(text: string): number[];
  /** Id put before a sequence, or null where the model's tokenizer adds none. */
  readonly bosId: number | null;
  /**
   * Id of the token that the tokenizer names its start token, also where it puts none before a sequence (`bosId` null).
   * Axolotl takes it from the beginning of an answer that spells it out. Absent: as `bosId`.
   */
  readonly startTokenId?: number | null;
  readonly eosId: number;
  readonly vocabularySize: number;
}

/** One training or test sequence. `labels[i]` is `ids[i]` where the token counts, else IGNORED_LABEL (not shifted). */
export interface TokenRow {
  /** Index of the row in its split. */
  readonly row: number;
  readonly ids: Int32Array;
  readonly labels: Int32Array;
}
