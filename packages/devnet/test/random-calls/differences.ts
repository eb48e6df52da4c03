import type { CallSpec } from '../conformance/scenario.ts';
import type { DifferenceId } from '../conformance/spec-differences.ts';
import type { CallOutcome, SignedCall } from './direct-chain.ts';

/**
 * What the runtime that we emulate (424) does otherwise than the real one at hand (293), as far as random calls meet it.
 * Every rule says of which calls, and what exactly each side gives; names and sources are in spec-differences.ts.
 */
interface ResultDifference {
  readonly id: DifferenceId;
  readonly call: RegExp;
  explains(at293: string, at424: string): boolean;
}

/** CustomTransactionError of a module error, common/src/transaction_error.rs; anything else is 255. */
const CUSTOM: Readonly<Record<string, number>> = {
  AmountTooLow: 1,
  NotEnoughStakeToSetWeights: 1,
  NotEnoughBalanceToStake: 2,
  SubnetNotExists: 3,
  HotKeyAccountNotExists: 4,
  NotEnoughStakeToWithdraw: 5,
  SettingWeightsTooFast: 6,
  CommittingWeightsTooFast: 6,
  HotKeyNotRegisteredInNetwork: 10,
  InvalidIpAddress: 11,
  ServingRateLimitExceeded: 12,
  InvalidPort: 13,
  NoWeightsCommitFound: 16,
  RevealTooEarly: 17,
  InputLengthsUnequal: 18,
};

function pooled(error: string): string {
  const [pallet, name] = error.split('.');
  return pallet === 'SubtensorModule' && name ? `pool Custom ${CUSTOM[name] ?? 255}` : 'no module error';
}

const exactly = (a: string, b: string) => (at293: string, at424: string) => at293 === a && at424 === b;

const RESULT_DIFFERENCES: readonly ResultDifference[] = [
  {
    id: 'serving-in-the-pool',
    call: /\.(serve_axon_tls|serve_prometheus)$/,
    explains: (at293, at424) => at424 === pooled(at293),
  },
  {
    id: 'weights-limit-in-pool',
    call: /\.(set|commit)_weights$/,
    explains: (at293, at424) =>
      at424 === 'pool Custom 6' &&
      (pooled(at293) === at424 ||
        /\.(WeightVecNotEqualSize|UidsLengthExceedUidsInSubNet|IncorrectWeightVersionKey|CommitRevealDisabled)$/.test(
          at293,
        )),
  },
  {
    id: 'weights-in-pool',
    call: /\.(batch_(set|commit)|(batch_)?reveal)_weights$/,
    explains: (at293, at424) =>
      at424 === pooled(at293) ||
      (at424 === 'pool Custom 16' &&
        /\.(CommitRevealDisabled|InvalidRevealCommitHashNotMatch|ExpiredWeightCommit)$/.test(at293)) ||
      // Too late is told as too early there.
      (at424 === 'pool Custom 17' && /\.(NoWeightsCommitFound|ExpiredWeightCommit|CommitRevealDisabled)$/.test(at293)),
  },
  {
    id: 'missing-mechanism',
    call: /\.(set|commit)_weights$/,
    explains: (at293, at424) =>
      /\.(SubNetworkDoesNotExist|CommitRevealDisabled)$/.test(at293) &&
      at424 === 'SubtensorModule.MechanismDoesNotExist',
  },
  {
    id: 'staking-in-the-pool',
    call: /\.(add|remove)_stake$/,
    explains: (at293, at424) =>
      at293 === pooled(at424) || (/^pool Custom [1345]$/.test(at293) && at424 === 'SubtensorModule.SubtokenDisabled'),
  },
  {
    id: 'unstake-what-there-is',
    call: /\.remove_stake$/,
    explains: exactly('pool Custom 5', 'SubtensorModule.AmountTooLow'),
  },
  {
    id: 'missing-subnet',
    call: /./,
    explains: exactly('SubtensorModule.SubNetworkDoesNotExist', 'SubtensorModule.SubnetNotExists'),
  },
];

/** Pays::No at 293 and paid for at 424. */
const FREE_AT_293: readonly (readonly [calls: RegExp, id: DifferenceId])[] = [
  [/^SubtensorModule\.(add|remove)_stake$/, 'staking-fee'],
  [/^SubtensorModule\.(burned_register|root_register|register_network)$/, 'registration-fee'],
  [/^Commitments\.set_max_space$/, 'max-space-fee'],
  [
    /^AdminUtils\.sudo_set_(adjustment_alpha|liquid_alpha_enabled|network_registration_allowed|stake_threshold|subtoken_enabled|tx_rate_limit|yuma3_enabled)$/,
    'admin-fees',
  ],
];
const feeDifference = (call: SignedCall) => FREE_AT_293.find(([calls]) => calls.test(call.call))?.[1];
/** Pays::No at both, of those that random batches hold. */
const FREE = /^(SubtensorModule\.serve_|Commitments\.set_commitment$)/;
const GONE_AT_424: Readonly<Record<string, DifferenceId>> = {
  'SenateMembers.MemberAdded': 'senate',
  'SenateMembers.MembersSwapped': 'senate',
};
const NEW_AT_424: Readonly<Record<string, DifferenceId>> = {
  'SubtensorModule.IncentiveAlphaEmittedToMiners': 'incentive-event',
};

const ITEM_FAILED = 'SubtensorModule.BatchWeightItemFailed';

/** What the pool lets in may be refused by the block author for the same reason, if a call before it changed something. */
const inPool = ({ result }: CallOutcome) => result.replace(/^author/, 'pool');

export function explain(call: SignedCall, at293: CallOutcome, at424: CallOutcome): DifferenceId | undefined {
  if (at424.result === 'pool Payment' && at293.result !== 'ok') return feeDifference(call);
  return RESULT_DIFFERENCES.find((one) => one.call.test(call.call) && one.explains(inPool(at293), inPool(at424)))?.id;
}

/** Whether a fee is due at 424 where the real one took this. */
export function feeAt424(call: SignedCall, at293: CallOutcome, met: Set<DifferenceId>): boolean {
  const id = feeDifference(call);
  if (at293.fee === 0 && id && !at293.result.startsWith('pool')) {
    met.add(id);
    return true;
  }
  const calls = call.args['calls'] as CallSpec[] | undefined;
  if (at293.fee > 0 && calls?.every((one) => FREE.test(one.call))) {
    met.add('free-batches');
    return false;
  }
  return at293.fee > 0;
}

/** The events that both specs have, with the names that 424 has for what is in them. */
export function commonEvents(events: readonly string[], met: Set<DifferenceId>): string[] {
  return events
    .filter((event) => {
      const name = event.split('(')[0]!;
      const id = NEW_AT_424[name] ?? GONE_AT_424[name];
      if (id) met.add(id);
      return id === undefined;
    })
    .map((event) => {
      if (event.startsWith(ITEM_FAILED)) {
        met.add('batch-item-names-subnet');
        return event.replace(/\((\d+, )?/, '(');
      }
      // The amount by which a balance was changed hangs on the fees before.
      if (/^Balances\.(Issued|Rescinded)\(/.test(event)) return event.split('(')[0]!;
      if (!event.includes('SubNetworkDoesNotExist')) return event;
      met.add('missing-subnet');
      return event.replace('SubtensorModule.SubNetworkDoesNotExist', 'SubtensorModule.SubnetNotExists');
    });
}

/**
 * Pools and the money in them are not emulated: what a staking or registering call moves between its signer and the subnet
 * shows in the balances at the end, not as events of pallet Balances.
 */
export function withoutPools(call: SignedCall, events: readonly string[]): readonly string[] {
  const touchesPools = /SubtensorModule\.(add_stake|remove_stake|burned_register)/.test(JSON.stringify(call));
  return touchesPools ? events.filter((event) => !/^(Balances\.|System\.NewAccount\(@subnet:)/.test(event)) : events;
}

/** 'Pallet.call', with the call within a sudo. */
export function nameOf({ call, args }: { call: string; args: Readonly<Record<string, unknown>> }): string {
  return call.startsWith('Sudo.') ? `${call} ${nameOf(args['call'] as SignedCall)}` : call;
}

/** Every difference that the rules above name, and what steering.ts keeps apart. */
export const NAMED_IN_RANDOM_CALLS: readonly DifferenceId[] = [
  ...new Set([
    ...RESULT_DIFFERENCES.map(({ id }) => id),
    ...FREE_AT_293.map(([, id]) => id),
    ...Object.values({ ...NEW_AT_424, ...GONE_AT_424 }),
    'free-batches' as const,
    'batch-item-names-subnet' as const,
  ]),
];
