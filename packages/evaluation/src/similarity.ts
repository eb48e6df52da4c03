import type { TensorSketch } from '@tuning/llm';
import type { RowLosses } from '@tuning/protocol';

/** A tensor's changes in two submissions are the same for all that matters from this cosine on. */
const NEAR_COSINE = 0.99;

/** How alike the changes of two submissions to the base are, by sketches of one seed. */
export interface DeltaSimilarity {
  /** Cosine of the angle between the changes of all tensors together. */
  readonly cosine: number;
  /** Median over the tensors that the earlier one changed; 0 for those that the later one did not. */
  readonly medianCosine: number;
  /** Tensors that the earlier one changed. */
  readonly tensors: number;
  /** Those of them that the later one changed the same way. */
  readonly nearTensors: number;
}

export function deltaSimilarity(earlier: readonly TensorSketch[], later: readonly TensorSketch[]): DeltaSimilarity {
  const others = new Map(later.map((sketch) => [sketch.name, sketch.values]));
  const cosines = earlier.map(({ name, values }) => {
    const other = others.get(name);
    return other ? cosineOf(values, other) : 0;
  });
  const sums = { dot: 0, earlier: squaresOf(earlier), later: squaresOf(later) };
  for (const { name, values } of earlier) sums.dot += dot(values, others.get(name) ?? values.subarray(0, 0));
  return {
    cosine: sums.dot === 0 ? 0 : sums.dot / Math.sqrt(sums.earlier * sums.later),
    medianCosine: median(cosines),
    tensors: cosines.length,
    nearTensors: cosines.filter((cosine) => cosine >= NEAR_COSINE).length,
  };
}

/**
 * The share, 0 to 1, of a submission's change that a mixture of earlier submissions' changes explains (R² of least squares
 * over the sketches), and the mixture.
 */
export function explainedBy(
  sketch: readonly TensorSketch[],
  earlier: readonly (readonly TensorSketch[])[],
): { share: number; parts: readonly number[] } {
  const tables = earlier.map((sketches) => new Map(sketches.map(({ name, values }) => [name, values])));
  const gram = tables.map((one) => tables.map((other) => tableDot(one, other)));
  const own = new Map(sketch.map(({ name, values }) => [name, values]));
  const projections = tables.map((table) => tableDot(table, own));
  const parts = solve(gram, projections);
  const squares = tableDot(own, own);
  const explained = parts.reduce((sum, part, index) => sum + part * projections[index]!, 0);
  return { share: squares > 0 ? Math.min(1, Math.max(0, explained / squares)) : 0, parts };
}

/**
 * How differently two submissions behave, in units of how differently they behave from the base: the root mean square
 * distance of their mean losses per row over that to the base. 0 = the same function; unlike the weights, this sees
 * through every change that leaves the function as it is (neurons in another order, norms scaled back and forth).
 */
export function rowDistance(first: RowLosses, second: RowLosses, base: RowLosses): number {
  const [others, bases] = [meansOf(second), meansOf(base)];
  let apart = 0;
  let moved = 0;
  for (const [row, mean] of meansOf(first)) {
    const other = others.get(row);
    const before = bases.get(row);
    if (other === undefined || before === undefined) continue;
    apart += (mean - other) ** 2;
    moved += ((mean - before) ** 2 + (other - before) ** 2) / 2;
  }
  return moved > 0 ? Math.sqrt(apart / moved) : Number.POSITIVE_INFINITY;
}

function meansOf({ row, sumNll, tokens }: RowLosses): Map<number, number> {
  return new Map(row.map((index, at) => [index, sumNll[at]! / tokens[at]!]));
}

function dot(a: Float32Array, b: Float32Array): number {
  const length = Math.min(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function cosineOf(a: Float32Array, b: Float32Array): number {
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms > 0 ? dot(a, b) / norms : 0;
}

const squaresOf = (sketches: readonly TensorSketch[]) =>
  sketches.reduce((sum, { values }) => sum + dot(values, values), 0);

function tableDot(one: ReadonlyMap<string, Float32Array>, other: ReadonlyMap<string, Float32Array>): number {
  let sum = 0;
  for (const [name, values] of one) {
    const matching = other.get(name);
    if (matching) sum += dot(values, matching);
  }
  return sum;
}

/** x of G·x = y, G symmetric and positive semidefinite; what is no more than a mixture of the rows above it gets 0. */
function solve(gram: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = gram.map((row, index) => [...row, right[index]!]);
  const size = rows.length;
  const used: number[] = [];
  for (let column = 0; column < size; column++) {
    const pivot = rows[column]![column]!;
    if (pivot <= 1e-9 * gram[column]![column]!) continue;
    used.push(column);
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]! / pivot;
      for (let i = column; i <= size; i++) rows[row]![i]! -= factor * rows[column]![i]!;
    }
  }
  return rows.map((row, index) => (used.includes(index) ? row[size]! / row[index]! : 0));
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
