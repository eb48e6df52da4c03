import { add, div, type Fixed, fixed, mul, ONE, sub } from '../../fixed-point.ts';
import type { SparseMatrix, SparseRow } from './sparse-matrix.ts';

/** How fast bonds follow weights when the subnet lets that depend on how far a validator is from consensus. */
export interface LiquidAlpha {
  low: Fixed;
  high: Fixed;
  /** AlphaSigmoidSteepness as stored: hundredths. */
  steepness: number;
}

const HALF = ONE / 2n;
/** e as substrate_fixed has it, with 23 fractional bits. */
const E = 22_802_600n << 9n;
const EXP_LIMIT = fixed(20);
const EXP_TERMS = 32;

const clamp = (value: Fixed, low: Fixed, high: Fixed): Fixed => (value < low ? low : value > high ? high : value);

/** exp_safe of epoch/math.rs over substrate_fixed's exp: the first terms of the series, each cut to 32 bits. */
export function exp(input: Fixed): Fixed {
  const operand = clamp(input, -EXP_LIMIT, EXP_LIMIT);
  if (operand === 0n) return ONE;
  if (operand === ONE) return E;
  const x = operand < 0n ? -operand : operand;
  let term = x;
  let total = x + ONE;
  for (let i = 2; i < EXP_TERMS; i++) {
    term = div(mul(term, x), fixed(i));
    total = add(total, term);
  }
  return operand < 0n ? div(ONE, total) : total;
}

/** alpha_sigmoid of epoch/run_epoch.rs */
function alphaOf(consensus: Fixed, weight: Fixed, bond: Fixed, { low, high, steepness }: LiquidAlpha): Fixed {
  const buying = clamp(sub(weight, consensus), 0n, ONE);
  const selling = clamp(sub(bond, weight), 0n, ONE);
  const distance = weight >= bond ? buying : selling;
  const exponent = mul(div(fixed(steepness), fixed(-100)), sub(distance, HALF));
  const sigmoid = div(ONE, add(ONE, exp(exponent)));
  return clamp(add(low, mul(sigmoid, sub(high, low))), low, high);
}

/**
 * Reads a row column by column as the chain does, which takes it to be sorted: what stands behind a later column is not
 * seen. Validators may have set their weights in any order.
 */
function reader(row: SparseRow): (column: number) => Fixed {
  let at = 0;
  return (column) => {
    while (at < row.length && row[at]![0] < column) at++;
    return at < row.length && row[at]![0] === column ? row[at]![1] : 0n;
  };
}

/**
 * mat_ema_alpha_sparse with the alphas of compute_liquid_alpha_values_sparse: bonds to whoever a validator gives no
 * weight any more are dropped at once.
 */
export function liquidMovingAverage(
  fresh: SparseMatrix,
  old: SparseMatrix,
  consensus: readonly Fixed[],
  liquid: LiquidAlpha,
): SparseMatrix {
  return fresh.map((row, i) => {
    const weightAt = reader(row);
    const bondAt = reader(old[i]!);
    const alphas = consensus.map((value, column) => alphaOf(value, weightAt(column), bondAt(column), liquid));
    const kept = new Map(old[i]!.map(([column, bond]) => [column, mul(sub(ONE, alphas[column] ?? ONE), bond)]));
    return row.flatMap(([column, weight]): (readonly [number, Fixed])[] => {
      const grown = mul(alphas[column]!, weight);
      const value = clamp(add(kept.get(column) ?? 0n, grown < 0n ? 0n : grown), 0n, ONE);
      return value > 0n ? [[column, value]] : [];
    });
  });
}
