import { ACCOUNT_DIFFERENCES } from './account-differences.ts';
import { STAKING_DIFFERENCES } from './staking-differences.ts';
import { WEIGHT_DIFFERENCES } from './weight-differences.ts';

/**
 * Every place where the runtime at hand for recording (spec 293) and the one that we emulate (424) do different things.
 * A step names the difference it meets; one that no step meets, or that makes no difference, fails a test.
 */
export interface SpecDifference {
  readonly at293: string;
  readonly at424: string;
  /** In opentensor/subtensor, under pallets/ unless another folder is named. */
  readonly source: string;
}

export const SPEC_DIFFERENCES = {
  ...ACCOUNT_DIFFERENCES,
  ...STAKING_DIFFERENCES,
  ...WEIGHT_DIFFERENCES,
} as const satisfies Record<string, SpecDifference>;

export type DifferenceId = keyof typeof SPEC_DIFFERENCES;
