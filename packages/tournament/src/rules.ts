/** Every constant that decides who is drawn, ranked and paid, with its reason. A change here changes results. */
export const RULES = {
  /** Miners asked per task. Four: the gate drops one and three still compete for placement. */
  groupSize: 4,
  /** Draw weight of a hotkey without a result in the window: as likely as the best, so that newcomers get measured. */
  newcomerDrawWeight: 1,
  /** Lowest draw weight: a miner that failed every task is drawn less often, but can come back. */
  minDrawWeight: 0.2,
  /** Draw weights count in steps of 1e-6, as integers, so that every machine computes the same order. */
  drawWeightUnits: 1_000_000,
  /** Share that passes from the synthetic to the test set: ceil(3n/4), that is 3 of 4. */
  gateNumerator: 3,
  gateDenominator: 4,
  /** Resamples of the paired bootstrap: standard error 0.007 at a chance of 0.05, about 10 ms for 1,000 rows. */
  bootstrapResamples: 1_000,
  /** A worse miner whose chance to be really better is at least this ties (one-sided 5 %, the usual noise bound). */
  tieChance: 0.05,
  /** Each place is worth half the one above: being first pays, being second is still worth training for. */
  placementRatio: 0.5,
  /** Relative improvement over the base at which the gain factor is full: what an honest small fine-tune reaches. */
  fullImprovement: 0.05,
  /** Work of a task is 1 at or below this many token-parameters (1 M tokens through 100 M parameters)... */
  workUnit: 1e14,
  /** ...and at most this, so that one giant task cannot outweigh a week of others. */
  minWork: 1,
  maxWork: 8,
  /** Stands in for the tokens of a row where tokens were not counted: a usual instruction row. */
  tokensPerRow: 256,
  /** Blocks over which a result fades linearly to nothing: 7 days of 12 s. Long enough that few draws average out. */
  windowBlocks: 50_400,
  /** Work of a fictitious task with score 0 in every mean: one lucky win does not equal a week of wins. */
  priorWork: 2,
} as const;
