import { timelockDecrypt } from '@tuning/chain';
import type { Variant } from '../../../scale/codec.ts';
import type { RuntimeState } from '../../runtime.ts';
import type { CommitmentInfo } from '../decoded-types.ts';
import {
  type CallDescription,
  type Context,
  ensureRoot,
  ensureSigned,
  ModuleError,
  type Origin,
  type Pallet,
} from '../pallet.ts';
import { MAX_COMMITMENT_FIELDS } from '../scale-types.ts';
import { defineStorage, optionalMap, plain } from '../storage.ts';
import { pulseSignature } from './drand.ts';
import { resetBonds } from './subtensor/neurons.ts';
import { subtensor } from './subtensor/storage.ts';

/** Every commitment costs at least this much of the per-epoch space, bytes. */
const MIN_SPACE = 100;
/** Revealed plaintexts that are kept per hotkey, the latest. */
const MAX_REVEALED = 10;

const perHotkey = [
  ['Identity', 'u16'],
  ['Twox64Concat', 'AccountId32'],
] as const;

export const commitmentsStorage = defineStorage('Commitments', {
  /** Who waits for a pulse: (netuid, hotkey), ascending. */
  TimelockedIndex: plain('BTreeSet<(u16, AccountId32)>', []),
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
  // TooManyFieldsInCommitmentInfo cannot be met: more fields than that do not decode.
  const size = info.fields.reduce((sum, field) => sum + sizeOf(field), 0);
  const epoch = subtensor.SubnetEpochIndex.get(state, netuid);
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
    resetBonds(state, netuid, who);
  }
  const timelocked = info.fields.find(({ kind }) => kind === 'TimelockEncrypted');
  setTimelocked(state, netuid, who, timelocked !== undefined);
  if (timelocked) {
    const { reveal_round } = timelocked.value as { reveal_round: bigint };
    context.deposit('Commitments', 'TimelockCommitment', { netuid, who, reveal_round });
  } else {
    context.deposit('Commitments', 'Commitment', { netuid, who });
  }
}

function setTimelocked(state: RuntimeState, netuid: number, who: string, waits: boolean): void {
  const before = commitmentsStorage.TimelockedIndex.get(state);
  const others = before.filter(([subnet, account]) => subnet !== netuid || account !== who);
  if (waits) others.push([netuid, who]);
  else if (others.length === before.length) return;
  others.sort(([a, accountA], [b, accountB]) => a - b || (accountA < accountB ? -1 : 1));
  commitmentsStorage.TimelockedIndex.put(state, others);
}

/** undefined: the pulse is not on chain yet. Empty: it cannot be read. */
function reveal(state: RuntimeState, field: Variant): Uint8Array | undefined {
  const { encrypted, reveal_round } = field.value as { encrypted: Uint8Array; reveal_round: bigint };
  const signature = pulseSignature(state, reveal_round);
  if (!signature) return undefined;
  try {
    return timelockDecrypt(encrypted, signature);
  } catch {
    return new Uint8Array();
  }
}

/**
 * Every block: fields whose pulse has come leave the commitment, and what they hid is kept beside it; a field that
 * cannot be read just vanishes (reveal_timelocked_commitments of pallets/commitments/src/lib.rs).
 */
export function revealCommitments(context: Context): void {
  const { state, block } = context;
  for (const [netuid, who] of commitmentsStorage.TimelockedIndex.get(state)) {
    const registration = commitmentsStorage.CommitmentOf.get(state, netuid, who);
    const fields = registration?.info.fields ?? [];
    if (!registration || !fields.some(isTimelocked)) {
      setTimelocked(state, netuid, who, false);
      continue;
    }
    const plaintexts = fields.map((field) => (isTimelocked(field) ? reveal(state, field) : undefined));
    if (plaintexts.every((plaintext) => plaintext === undefined)) continue;
    const revealed = plaintexts.filter((plaintext) => plaintext !== undefined && plaintext.length > 0);
    if (revealed.length > 0) {
      const all = commitmentsStorage.RevealedCommitments.get(state, netuid, who) ?? [];
      for (const plaintext of revealed) {
        all.push([plaintext as Uint8Array, BigInt(block)]);
        context.deposit('Commitments', 'CommitmentRevealed', { netuid, who });
      }
      commitmentsStorage.RevealedCommitments.put(state, netuid, who, all.slice(-MAX_REVEALED));
    }
    const left = fields.filter((_, i) => plaintexts[i] === undefined);
    setTimelocked(state, netuid, who, left.some(isTimelocked));
    if (left.length === 0) commitmentsStorage.CommitmentOf.remove(state, netuid, who);
    else commitmentsStorage.CommitmentOf.put(state, netuid, who, { ...registration, info: { fields: left } });
  }
}

function isTimelocked({ kind }: Variant): boolean {
  return kind === 'TimelockEncrypted';
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
  constants: { MaxFields: ['u32', MAX_COMMITMENT_FIELDS], InitialDeposit: ['u64', 0n], FieldDeposit: ['u64', 0n] },
};
