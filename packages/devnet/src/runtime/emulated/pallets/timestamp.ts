import { badOrigin, type Pallet } from '../pallet.ts';
import { defineStorage, plain } from '../storage.ts';

export const timestampStorage = defineStorage('Timestamp', {
  Now: plain('u64', 0n),
  DidUpdate: plain('bool', false),
});

export const timestampPallet: Pallet = {
  name: 'Timestamp',
  index: 2,
  path: 'pallet_timestamp::pallet',
  storage: timestampStorage,
  calls: {
    set: {
      index: 0,
      args: { now: 'Compact<u64>' },
      dispatch: ({ state }, origin, { now }: { now: bigint }) => {
        if (origin.kind !== 'none') throw badOrigin();
        timestampStorage.Now.put(state, now);
        timestampStorage.DidUpdate.put(state, true);
      },
    },
  },
  constants: { MinimumPeriod: ['u64', 6000n] },
};
