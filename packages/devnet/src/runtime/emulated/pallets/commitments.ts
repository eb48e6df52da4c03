import type { Variant } from '../../../scale/codec.ts';
import {
  type CallDescription,
  type Context,
  ensureRoot,
  ensureSigned,
  ModuleError,
  type Origin,
  type Pallet,
} from '../pallet.ts';
import type { CommitmentInfo } from '../scale-types.ts';
import { defineStorage, optionalMap, plain } from '../storage.ts';
import { lookAheadEpoch } from './subtensor/epoch-schedule.ts';
import { subtensor } from './subtensor/storage.ts';

const MAX_FIELDS = 3;
/** Every commitment costs at least this much of the per-epoch space, bytes. */
const MIN_SPACE = 100;

const perHotkey = [
  ['Identity', 'u16'],
  ['Twox64Concat', 'AccountId32'],
] as const;

export const commitmentsStorage = defineStorage('Commitments', {
  CommitmentOf: optionalMap(perHotkey, 'Registration'),
  LastCommitment: optionalMap(perHotkey, 'u32'),
  LastBondsReset: optionalMap(perHotkey, 'u32'),
  RevealedCommitments: optionalMap(perHotkey, 'Vec<(Bytes, u64)>'),
  UsedSpaceOf: optionalMap(perHotkey, 'UsageTracker'),
  MaxSpace: plain('u32', 3100),
});

function ensure(condition: boolean, error: string): asserts condition {
  if (!condition) throw new ModuleError('Commitments', error);
}

/** Bytes that a field counts for; None and ResetBondsFlag are free. */
function sizeOf(field: Variant): number {
  if (field.kind === 'None' || field.kind === 'ResetBondsFlag') return 0;
  if (field.kind === 'TimelockEncrypted') return (field.value as { encrypted: Uint8Array }).encrypted.length;
  return (field.value as Uint8Array).length;
}

interface CommitmentArgs {
  netuid: number;
  info: CommitmentInfo;
}

function setCommitment(context: Context, origin: Origin, { netuid, info }: CommitmentArgs): void {
  const { state, block } = context;
  const who = ensureSigned(origin);
  ensure(subtensor.Uids.has(state, netuid, who), 'AccountNotAllowedCommit');
  ensure(info.fields.length <= MAX_FIELDS, 'TooManyFieldsInCommitmentInfo');
  const size = info.fields.reduce((sum, field) => sum + sizeOf(field), 0);
  const epoch = lookAheadEpoch(state, netuid, block);
  const tracker = commitmentsStorage.UsedSpaceOf.get(state, netuid, who);
  const used = tracker?.last_epoch === epoch ? tracker.used_space : 0n;
  const total = used + BigInt(Math.max(MIN_SPACE, size));
  ensure(total <= BigInt(commitmentsStorage.MaxSpace.get(state)), 'SpaceLimitExceeded');
  commitmentsStorage.UsedSpaceOf.put(state, netuid, who, { last_epoch: epoch, used_space: total });
  // Deposits are zero on Subtensor.
  commitmentsStorage.CommitmentOf.put(state, netuid, who, { deposit: 0n, block, info });
  commitmentsStorage.LastCommitment.put(state, netuid, who, block);
  if (info.fields.some(({ kind }) => kind === 'ResetBondsFlag')) {
    commitmentsStorage.LastBondsReset.put(state, netuid, who, block);
  }
  const timelocked = info.fields.find(({ kind }) => kind === 'TimelockEncrypted');
  if (timelocked) {
    const { reveal_round } = timelocked.value as { reveal_round: bigint };
    context.deposit('Commitments', 'TimelockCommitment', { netuid, who, reveal_round });
  } else {
    context.deposit('Commitments', 'Commitment', { netuid, who });
  }
}

const calls: Readonly<Record<string, CallDescription>> = {
  set_commitment: {
    index: 0,
    args: { netuid: 'u16', info: 'CommitmentInfo' },
    free: true,
    dispatch: setCommitment,
  },
  set_max_space: {
    index: 2,
    args: { new_limit: 'u32' },
    dispatch: ({ state }, origin, { new_limit }: { new_limit: number }) => {
      ensureRoot(origin);
      commitmentsStorage.MaxSpace.put(state, new_limit);
    },
  },
};

/** Timelocked fields are stored as sent and stay sealed: the emulation has no Drand pulses. */
export const commitmentsPallet: Pallet = {
  name: 'Commitments',
  index: 18,
  path: 'pallet_commitments::pallet',
  storage: commitmentsStorage,
  calls,
  events: [
    ['Commitment', 0, { netuid: 'u16', who: 'AccountId32' }],
    ['TimelockCommitment', 1, { netuid: 'u16', who: 'AccountId32', reveal_round: 'u64' }],
    ['CommitmentRevealed', 2, { netuid: 'u16', who: 'AccountId32' }],
  ],
  errors: [
    'TooManyFieldsInCommitmentInfo',
    'AccountNotAllowedCommit',
    'SpaceLimitExceeded',
    'UnexpectedUnreserveLeftover',
  ],
  constants: { MaxFields: ['u32', MAX_FIELDS], InitialDeposit: ['u64', 0n], FieldDeposit: ['u64', 0n] },
};
