/**
 * weight += scaling · B·A in place; weight [out, in], A [rank, in], B [out, rank], all row-major. Products are added up
 * in float64 in a fixed order and rounded once, so every machine gets the same bits.
 */
export function addLowRank(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  rank: number,
  scaling: number,
): void {
  const inner = a.length / rank;
  const out = b.length / rank;
  const row = new Float64Array(inner);
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[o * rank + r]!;
      if (factor === 0) continue;
      for (let i = 0; i < inner; i++) row[i]! += factor * a[r * inner + i]!;
    }
    for (let i = 0; i < inner; i++) weight[o * inner + i] = weight[o * inner + i]! + scaling * row[i]!;
  }
}

/** Row-major [rows, columns] as [columns, rows]. */
export function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  const result = new Float32Array(matrix.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) result[c * rows + r] = matrix[r * columns + c]!;
  }
  return result;
}
