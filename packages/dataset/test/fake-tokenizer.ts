import type { TextTokenizer, TokenRow } from '@tuning/protocol';

/** One token per character (its code point + 10), BOS 1, EOS 2, as the golden strings of Axolotl were taken. */
export class FakeTokenizer implements TextTokenizer {
  readonly bosId: number | null;
  readonly eosId = 2;
  readonly vocabularySize = 0x11_0000 + 10;

  constructor(bosId: number | null = 1) {
    this.bosId = bosId;
  }

  encode(text: string): number[] {
    return [...text].map((char) => char.codePointAt(0)! + 10);
  }

  show(ids: Iterable<number>): string {
    return [...ids].map((id) => (id === 1 ? '<BOS>' : id === 2 ? '<EOS>' : String.fromCodePoint(id - 10))).join('');
  }

  /** The masked and the trained part of a row; fails where the mask is not one prefix. */
  parts(row: TokenRow): { masked: string; trained: string } {
    const first = row.labels.findIndex((label) => label !== -100);
    const border = first < 0 ? row.ids.length : first;
    for (let i = 0; i < row.ids.length; i++) {
      const expected = i < border ? -100 : row.ids[i];
      if (row.labels[i] !== expected) throw new Error(`label ${i} is ${row.labels[i]}, expected ${expected}`);
    }
    return { masked: this.show(row.ids.slice(0, border)), trained: this.show(row.ids.slice(border)) };
  }
}
