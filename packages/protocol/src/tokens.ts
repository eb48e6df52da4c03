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

/** One message as a chat template reads it: `role` and whatever else the template asks for. */
export type ChatMessage = { role: string } & Record<string, unknown>;

/** A text's tokens and the stretch of the text that each stands for. */
export interface PlacedTokens {
  readonly ids: readonly number[];
  /** UTF-16 index of a token's first character. Tokens that share a character (bytes of it) share its stretch. */
  readonly starts: readonly number[];
  /** UTF-16 index behind a token's last character. */
  readonly ends: readonly number[];
}

/** What `dataset` needs besides for conversations; both methods only in a sealed job. */
export interface ChatTokenizer extends TextTokenizer {
  /** Source of the base's chat template. */
  readonly chatTemplate: string;
  /** Properties that the base's chat template reads of the variable `message`. */
  readonly messageProperties: ReadonlySet<string>;
  /**
   * The conversation as the base's chat template writes it, special tokens spelled out.
   * @throws BadInputError `CHAT_REFUSED` where the template does not take it.
   */
  renderChat(messages: readonly ChatMessage[], tools?: readonly unknown[]): string;
  /** As `encode`, with the place of each token in the text, as Python's `tokenizers` tells it. */
  encodeWithPlaces(text: string): PlacedTokens;
}

/** One training or test sequence. `labels[i]` is `ids[i]` where the token counts, else IGNORED_LABEL (not shifted). */
export interface TokenRow {
  /** Index of the row in its split. */
  readonly row: number;
  readonly ids: Int32Array;
  readonly labels: Int32Array;
}
