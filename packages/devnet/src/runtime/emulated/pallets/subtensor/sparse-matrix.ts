import { add, div, type Fixed, fixed, mul, ONE, sub } from '../../fixed-point.ts';

/**
 * Rows of [column, value], as epochs keep weights and bonds. Each function is its namesake in Subtensor's
 * epoch/math.rs, in the same order of operations, because every product and quotient is cut to 32 fractional bits.
 */
export type SparseRow = readonly (readonly [column: number, value: Fixed])[];
export type SparseMatrix = readonly SparseRow[];

/** Keeps the cells that `keep` accepts. */
export function filterCells(matrix: SparseMatrix, keep: (row: number, column: number) => boolean): SparseMatrix {
  return matrix.map((cells, row) => cells.filter(([column]) => keep(row, column)));
}

export function rowSums(matrix: SparseMatrix): Fixed[] {
  return matrix.map((cells) => cells.reduce((total, [, value]) => total + value, 0n));
}

/** inplace_row_normalize_sparse */
export function normaliseRows(matrix: SparseMatrix): SparseMatrix {
  const sums = rowSums(matrix);
  return matrix.map((cells, row) => {
    const total = sums[row]!;
    return total > 0n ? cells.map(([column, value]) => [column, div(value, total)] as const) : cells;
  });
}

/** inplace_col_normalize_sparse */
export function normaliseColumns(matrix: SparseMatrix, columns: number): SparseMatrix {
  const sums = Array.from({ length: columns }, () => 0n);
  for (const cells of matrix) for (const [column, value] of cells) sums[column] = add(sums[column] ?? 0n, value);
  return divideColumns(matrix, sums);
}

/** inplace_col_max_upscale_sparse: each column's largest becomes 1. */
export function maxUpscaleColumns(matrix: SparseMatrix, columns: number): SparseMatrix {
  const largest = Array.from({ length: columns }, () => 0n);
  for (const cells of matrix) {
    for (const [column, value] of cells) if (value > largest[column]!) largest[column] = value;
  }
  return divideColumns(matrix, largest);
}

function divideColumns(matrix: SparseMatrix, by: readonly Fixed[]): SparseMatrix {
  return matrix.map((cells) =>
    cells.map(([column, value]) => {
      const divisor = by[column] ?? 0n;
      return [column, divisor === 0n ? value : div(value, divisor)] as const;
    }),
  );
}

/** row_hadamard_sparse */
export function scaleRows(matrix: SparseMatrix, by: readonly Fixed[]): SparseMatrix {
  return matrix.map((cells, row) => cells.map(([column, value]) => [column, mul(value, by[row]!)] as const));
}

/** mat_vec_mul_sparse */
export function scaleColumns(matrix: SparseMatrix, by: readonly Fixed[]): SparseMatrix {
  return matrix.map((cells) => {
    const scaled = cells.map(([column, value]) => [column, mul(value, by[column] ?? 0n)] as const);
    return scaled.filter(([, value]) => value !== 0n);
  });
}

/** matmul_sparse: by column, the rows weighted with `vector`. */
export function weightedColumnSums(matrix: SparseMatrix, vector: readonly Fixed[], columns: number): Fixed[] {
  const sums = Array.from({ length: columns }, () => 0n);
  for (const [row, cells] of matrix.entries()) {
    for (const [column, value] of cells) sums[column] = add(sums[column] ?? 0n, mul(vector[row]!, value));
  }
  return sums;
}

/** matmul_transpose_sparse: by row, the columns weighted with `vector`. */
export function weightedRowSums(matrix: SparseMatrix, vector: readonly Fixed[]): Fixed[] {
  return matrix.map((cells) =>
    cells.reduce((total, [column, value]) => add(total, mul(vector[column] ?? 0n, value)), 0n),
  );
}

/** col_clip_sparse: no value above its column's limit; what a limit of 0 clips is dropped. */
export function clipColumns(matrix: SparseMatrix, limits: readonly Fixed[]): SparseMatrix {
  return matrix.map((cells) =>
    cells.flatMap(([column, value]): (readonly [number, Fixed])[] => {
      const limit = limits[column] ?? 0n;
      if (limit >= value) return [[column, value]];
      return limit > 0n ? [[column, limit]] : [];
    }),
  );
}

/** interpolate_sparse: from + ratio * (to - from), positive cells only. */
export function interpolate(from: SparseMatrix, to: SparseMatrix, columns: number, ratio: Fixed): SparseMatrix {
  if (ratio === 0n) return from;
  if (ratio === ONE) return to;
  return from.map((cells, row) => {
    const a = new Map(cells);
    const b = new Map(to[row]);
    return positiveCells(columns, (column) => {
      const start = a.get(column) ?? 0n;
      return add(start, mul(ratio, sub(b.get(column) ?? 0n, start)));
    });
  });
}

/** mat_ema_sparse: alpha * fresh + (1 - alpha) * old, positive cells only. */
export function movingAverage(fresh: SparseMatrix, old: SparseMatrix, alpha: Fixed): SparseMatrix {
  const rest = sub(ONE, alpha);
  return fresh.map((cells, row) => {
    const a = new Map(cells);
    const b = new Map(old[row]);
    return positiveCells(fresh.length, (column) =>
      add(mul(alpha, a.get(column) ?? 0n), mul(rest, b.get(column) ?? 0n)),
    );
  });
}

function positiveCells(columns: number, valueAt: (column: number) => Fixed): SparseRow {
  const row: (readonly [number, Fixed])[] = [];
  for (let column = 0; column < columns; column++) {
    const value = valueAt(column);
    if (value > 0n) row.push([column, value]);
  }
  return row;
}

/** An unsigned integer matrix as it is stored, in I32F32. */
export function fromIntegers(rows: readonly (readonly (readonly [number, number])[])[]): SparseMatrix {
  return rows.map((cells) => cells.map(([column, value]) => [column, fixed(value)] as const));
}
