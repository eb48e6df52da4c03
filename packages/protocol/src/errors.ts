/** Refused content of a commitment. The protocol package stands below `kit`, so it carries its own small class. */
export class BadCommitmentError extends Error {
  override readonly name = 'BadInputError';
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>> = {};

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
