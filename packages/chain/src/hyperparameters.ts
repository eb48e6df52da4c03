/** Rules of one subnet. Rate limits and periods are in blocks. */
export interface Hyperparameters {
  tempo: number;
  weightsRateLimit: number;
  servingRateLimit: number;
  minAllowedWeights: number;
  maxWeightsLimit: number;
  weightsVersionKey: bigint;
  commitRevealEnabled: boolean;
  maxUids: number;
  maxValidators: number;
  registrationAllowed: boolean;
  immunityPeriod: number;
}
