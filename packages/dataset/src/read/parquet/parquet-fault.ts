/** What is wrong with a part of a file, for the caller to name it. `tooLarge`: not broken, only beyond the bounds. */
export abstract class ParquetFault extends Error {
  readonly tooLarge: boolean;
  constructor(message: string, tooLarge = false) {
    super(message);
    this.tooLarge = tooLarge;
  }
}

/** With the footer, so with the file as a whole. */
export class FooterFault extends ParquetFault {
  override readonly name = 'FooterFault';
}

/** With a row. */
export class RowFault extends ParquetFault {
  override readonly name = 'RowFault';
}
