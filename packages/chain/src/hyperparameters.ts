import { z } from 'zod';
import type { ChainState } from './chain-state.ts';
import { bigUint, uint } from './chain-values.ts';

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

const U16_MAX = 65_535;

export async function readHyperparameters(state: ChainState, netuid: number): Promise<Hyperparameters> {
  const read = <S extends z.ZodType>(schema: S, item: string, absent?: z.output<S>): Promise<z.output<S>> =>
    absent !== undefined && !state.has('subtensorModule', item)
      ? Promise.resolve(absent)
      : state.read(schema, 'subtensorModule', item, netuid);
  const [
    tempo,
    weightsRateLimit,
    servingRateLimit,
    minAllowedWeights,
    maxWeightsLimit,
    weightsVersionKey,
    commitRevealEnabled,
    maxUids,
    maxValidators,
    registrationAllowed,
    immunityPeriod,
  ] = await Promise.all([
    read(uint, 'tempo'),
    read(uint, 'weightsSetRateLimit'),
    read(uint, 'servingRateLimit'),
    read(uint, 'minAllowedWeights'),
    // Newer runtimes may drop the limits that they no longer apply.
    read(uint, 'maxWeightsLimit', U16_MAX),
    read(bigUint, 'weightsVersionKey'),
    read(z.boolean(), 'commitRevealWeightsEnabled', false),
    read(uint, 'maxAllowedUids'),
    read(uint, 'maxAllowedValidators'),
    read(z.boolean(), 'networkRegistrationAllowed', true),
    read(uint, 'immunityPeriod'),
  ]);
  return {
    tempo,
    weightsRateLimit,
    servingRateLimit,
    minAllowedWeights,
    maxWeightsLimit,
    weightsVersionKey,
    commitRevealEnabled,
    maxUids,
    maxValidators,
    registrationAllowed,
    immunityPeriod,
  };
}
