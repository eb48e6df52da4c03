import type { Pallet } from '../../pallet.ts';
import { epochCalls } from './epoch-schedule.ts';
import { SUBTENSOR_ERRORS } from './errors.ts';
import { SUBTENSOR_EVENTS } from './events.ts';
import { hashedWeightCalls } from './hashed-weights.ts';
import { networkCalls } from './networks.ts';
import { registrationCalls } from './registration.ts';
import { servingCalls } from './serving.ts';
import { stakingCalls } from './staking.ts';
import { subtensor } from './storage.ts';
import { timelockedWeightCalls } from './timelocked-weights.ts';
import { newer, unwritten } from './unwritten-storage.ts';
import { weightCalls } from './weights.ts';

/** What is not emulated is absent from the metadata, so that clients which feature-detect see the truth. */
export const subtensorPallet: Pallet = {
  name: 'SubtensorModule',
  index: 7,
  path: 'pallet_subtensor::pallet',
  storage: { ...subtensor, ...unwritten, ...newer },
  calls: {
    ...weightCalls,
    ...hashedWeightCalls,
    ...timelockedWeightCalls,
    ...stakingCalls,
    ...servingCalls,
    ...registrationCalls,
    ...networkCalls,
    ...epochCalls,
  },
  events: SUBTENSOR_EVENTS,
  errors: SUBTENSOR_ERRORS,
  constants: {
    InitialMinStake: ['u64', 2_000_000n],
    MinTempo: ['u16', 360],
    MaxTempo: ['u16', 50_400],
    InitialTempo: ['u16', 360],
    InitialMaxAllowedUids: ['u16', 256],
    InitialNetworkMinLockCost: ['u64', 1_000_000_000_000n],
  },
};
