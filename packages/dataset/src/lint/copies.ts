import type { DatasetType } from '@tuning/protocol';
import { DigestTable } from '../digest-table.ts';
import { nearDuplicateSteps } from '../near-duplicates/near-duplicates.ts';
import { rowTexts } from '../near-duplicates/row-texts.ts';
import type { Row } from '../row.ts';
import { lineOf, type Rows } from '../rows.ts';
import { QUICK_ROWS, type Steps } from '../slices.ts';
import type { LintTally } from './finding.ts';

/**
 * Copies and near copies, by the rule of the split: among `rows`, and of rows in `across`. Only lines of rows that resemble
 * another are looked at a second time.
 * @returns how many groups of copies `rows` have.
 */
export function* lintCopies(tally: LintTally, rows: Rows, across: Rows | undefined, type: DatasetType): Steps<number> {
  const all = across ? joined(rows, across) : rows;
  const firstOf = yield* nearDuplicateSteps(rowTexts(all, type));
  const inGroup = new Uint32Array(all.length);
  for (let index = 0; index < all.length; index++) {
    inGroup[firstOf[index]!]!++;
    if (index % QUICK_ROWS === 0) yield;
  }
  const isAcross = new Uint8Array(all.length);
  const lines = new DigestTable();
  for (let index = rows.length; index < all.length; index++) {
    const first = firstOf[index]!;
    isAcross[first] = 1;
    if (first < rows.length) lines.set(lineOf(all, index), SEEN_ACROSS);
    yield;
  }
  let groups = 0;
  for (let index = 0; index < rows.length; index++) {
    const first = firstOf[index]!;
    if (first === index) groups++;
    if (inGroup[first]! > 1) {
      const line = lineOf(rows, index);
      const seen = lines.get(line);
      if (isAcross[first]) tally.add(seen & SEEN_ACROSS ? 'exact_across' : 'near_across', index);
      if (first !== index) tally.add(seen & SEEN_WITHIN ? 'exact_duplicate' : 'near_duplicate', index);
      lines.set(line, seen | SEEN_WITHIN);
    }
    yield;
  }
  return groups;
}

const SEEN_WITHIN = 1;
const SEEN_ACROSS = 2;

function joined(first: Rows, second: Rows): Rows {
  return {
    length: first.length + second.length,
    at: (index) => (index < first.length ? first.at(index) : second.at(index - first.length)),
    line: (index) => {
      const line = index < first.length ? lineOf(first, index) : lineOf(second, index - first.length);
      return typeof line === 'string' ? Buffer.from(line) : line;
    },
    *[Symbol.iterator](): Iterator<Row> {
      yield* first;
      yield* second;
    },
  };
}
