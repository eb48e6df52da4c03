/**
 * The consensus of one epoch on plain numbers (epoch/run_epoch.rs). The chain computes in I32F32; doubles differ from
 * it by less than one part in 65535 after rounding, which is the resolution of what is stored.
 */
export interface EpochInput {
  /** Any non-negative scale. */
  stake: readonly number[];
  active: readonly boolean[];
  /** Permits in force for this epoch. */
  permits: readonly boolean[];
  /** Sparse rows [uid, weight > 0], already masked, any scale. */
  weights: readonly (readonly (readonly [uid: number, weight: number])[])[];
  /** Sparse rows, shares of the validator's bonds, 0..1. */
  bonds: readonly (readonly (readonly [uid: number, bond: number])[])[];
  /** 0..1 */
  kappa: number;
  /** 0..1: how fully bonds follow the clipped instead of the raw weights. */
  bondsPenalty: number;
  /** 0..1: share of the old bond that is kept. */
  bondsMovingAverage: number;
}

export interface EpochResult {
  consensus: number[];
  validatorTrust: number[];
  incentive: number[];
  dividends: number[];
  activeStake: number[];
  bonds: Map<number, number>[];
}

function normalise(values: readonly number[]): number[] {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum === 0 ? values.map(() => 0) : values.map((value) => value / sum);
}

/** The smallest weight w such that the stake of the rows with weight <= w exceeds 1 - kappa; absent entries are 0. */
function weightedMedian(column: readonly (readonly [stake: number, weight: number])[], kappa: number): number {
  const total = column.reduce((sum, [stake]) => sum + stake, 0);
  if (total === 0) return 0;
  const sorted = [...column].sort((a, b) => a[1] - b[1]);
  let below = 0;
  for (const [stake, weight] of sorted) {
    below += stake / total;
    if (below > 1 - kappa) return weight;
  }
  return sorted.at(-1)?.[1] ?? 0;
}

export function runConsensus(input: EpochInput): EpochResult {
  const n = input.stake.length;
  const uids = Array.from({ length: n }, (_, uid) => uid);
  const stake = normalise(input.stake);
  const activeStake = normalise(uids.map((uid) => (input.active[uid] && input.permits[uid] ? stake[uid]! : 0)));

  const rows = uids.map((uid) => {
    const row = new Map(input.permits[uid] ? input.weights[uid] : []);
    const sum = [...row.values()].reduce((total, weight) => total + weight, 0);
    return new Map([...row].map(([target, weight]) => [target, sum === 0 ? 0 : weight / sum]));
  });
  const voters = uids.filter((uid) => activeStake[uid]! > 0);
  const consensus = uids.map((target) =>
    weightedMedian(
      voters.map((voter) => [activeStake[voter]!, rows[voter]!.get(target) ?? 0] as const),
      input.kappa,
    ),
  );
  const clipped = rows.map(
    (row) => new Map([...row].map(([target, weight]) => [target, Math.min(weight, consensus[target]!)])),
  );
  const validatorTrust = clipped.map((row) => [...row.values()].reduce((total, weight) => total + weight, 0));
  const rank = uids.map(() => 0);
  for (const voter of voters) {
    for (const [target, weight] of clipped[voter]!) rank[target]! += activeStake[voter]! * weight;
  }
  const incentive = normalise(rank);

  const bonds = uids.map((uid) => {
    const old = new Map(input.bonds[uid]);
    const targets = new Set([...old.keys(), ...rows[uid]!.keys()]);
    const next = new Map<number, number>();
    for (const target of targets) {
      const raw = rows[uid]!.get(target) ?? 0;
      const weight = raw + ((clipped[uid]!.get(target) ?? 0) - raw) * input.bondsPenalty;
      const bond = (1 - input.bondsMovingAverage) * weight + input.bondsMovingAverage * (old.get(target) ?? 0);
      if (bond > 0) next.set(target, bond);
    }
    return next;
  });
  const columnSums = uids.map(() => 0);
  for (const row of bonds) for (const [target, bond] of row) columnSums[target]! += bond;
  const dividends = normalise(
    uids.map((uid) => {
      let earned = 0;
      for (const [target, bond] of bonds[uid]!) {
        if (columnSums[target]! > 0) earned += (bond / columnSums[target]!) * incentive[target]!;
      }
      return activeStake[uid]! * earned;
    }),
  );
  return { consensus, validatorTrust, incentive, dividends, activeStake, bonds };
}

/** New permits: the `limit` largest positive stakes. */
export function topByStake(stake: readonly number[], limit: number): boolean[] {
  const ranked = stake
    .map((value, uid) => [value, uid] as const)
    .filter(([value]) => value > 0)
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, limit);
  const chosen = new Set(ranked.map(([, uid]) => uid));
  return stake.map((_, uid) => chosen.has(uid));
}
