import fc from 'fast-check';
import { type Args, inner } from '../conformance/scenario.ts';
import type { SignedCall } from './direct-chain.ts';
import { PAYLOADS, type Payload, payloadHash } from './payloads.ts';
import { COLDKEYS, HOTKEYS } from './prepared.ts';

/** One block: calls that are sent for it, then empty blocks behind it. */
export interface SequenceStep {
  readonly calls: readonly SignedCall[];
  readonly blocks: number;
}

const RAO = 1_000_000_000;
const netuid = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(2, 3) },
  { weight: 1, arbitrary: fc.constantFrom(0, 77) },
);
/** Subnets that there are; of others the specs tell different errors (see 'mechanisms'). */
const here = fc.constantFrom(2, 3, 2, 3, 0);
const coldkey = fc.constantFrom(...COLDKEYS);
const hotkey = fc.constantFrom(...HOTKEYS);
const anybody = fc.oneof({ weight: 6, arbitrary: hotkey }, { weight: 1, arbitrary: coldkey });
/** Who sets weights: mostly the two that have stake. */
const voter = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('@Bob/hot', '@Charlie/hot') },
  { weight: 1, arbitrary: anybody },
);
const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((raw) => `0x${Buffer.from(raw).toString('hex')}`);

/** A signed call; what `args` gives may depend on who signs. */
function signed(by: fc.Arbitrary<string>, call: string, args: Record<string, fc.Arbitrary<unknown>>) {
  return fc.record({ by, call: fc.constant(call), args: fc.record(args) }) as unknown as fc.Arbitrary<SignedCall>;
}

const ip = fc.constantFrom(
  '3405803783',
  '0',
  '1',
  '2130706433',
  '2130706434',
  '4294967295',
  '4294967296',
  '340282366920938463463374607431768211455',
  '42540766411282592856903984951653826561',
);
const ipType = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(4, 6) }, { weight: 1, arbitrary: u8 });
const port = fc.oneof({ weight: 8, arbitrary: u16 }, { weight: 1, arbitrary: fc.constant(0) });
const endpoint = { netuid, version: fc.nat(100), ip, port, ip_type: ipType };
const axon = { ...endpoint, protocol: u8, placeholder1: u8, placeholder2: u8 };

const weightVectors = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .uniqueArray(fc.oneof({ weight: 9, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(6) }), {
        minLength: 1,
        maxLength: 3,
      })
      .chain((dests) =>
        fc.record({
          dests: fc.constant(dests),
          weights: fc.array(u16, { minLength: dests.length, maxLength: dests.length }),
        }),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ dests: fc.array(fc.nat(9), { maxLength: 9 }), weights: fc.array(u16, { maxLength: 9 }) }),
  },
);
const versionKey = fc.constantFrom(0, 0, 5, 10);

const setWeights = fc.record({ by: voter, netuid, vectors: weightVectors, version_key: versionKey }).map(
  ({ by, netuid: net, vectors, version_key }): SignedCall => ({
    by,
    call: 'SubtensorModule.set_weights',
    args: { netuid: net, ...vectors, version_key },
  }),
);

const payload = fc.constantFrom(...PAYLOADS);
const commitWeights = fc.record({ by: voter, netuid, payload }).map(
  ({ by, netuid: net, payload: one }): SignedCall => ({
    by,
    call: 'SubtensorModule.commit_weights',
    args: { netuid: net, commit_hash: payloadHash(by, net, one) },
  }),
);
const revealArgs = (net: number, { uids, values, salt, versionKey: version_key }: Payload): Args => ({
  netuid: net,
  uids,
  values,
  salt,
  version_key,
});
const revealWeights = fc.record({ by: voter, netuid, payload }).map(
  ({ by, netuid: net, payload: one }): SignedCall => ({
    by,
    call: 'SubtensorModule.reveal_weights',
    args: revealArgs(net, one),
  }),
);
const pairs = fc.array(fc.tuple(fc.nat(4), u16), { maxLength: 3 });
const list = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 3 });
const batchReveal = fc.record({ by: voter, netuid, payloads: list(payload), extra: fc.nat(9) }).map(
  ({ by, netuid: net, payloads, extra }): SignedCall => ({
    by,
    call: 'SubtensorModule.batch_reveal_weights',
    args: {
      netuid: net,
      uids_list: payloads.map(({ uids }) => uids),
      values_list: payloads.map(({ values }) => values),
      salts_list: payloads.map(({ salt }) => salt),
      // One too few now and then.
      version_keys: payloads.map(({ versionKey: key }) => key).slice(extra === 0 ? 1 : 0),
    },
  }),
);

const batchSet = fc
  .record({
    by: hotkey,
    items: list(fc.record({ netuid: here, weights: pairs, version_key: versionKey })),
    extra: fc.nat(9),
  })
  .map(
    ({ by, items, extra }): SignedCall => ({
      by,
      call: 'SubtensorModule.batch_set_weights',
      args: {
        netuids: items.map(({ netuid: net }) => net),
        weights: items.map(({ weights }) => weights),
        version_keys: items.map(({ version_key }) => version_key).slice(extra === 0 ? 1 : 0),
      },
    }),
  );
const batchCommit = fc.record({ by: voter, items: list(fc.record({ netuid: here, payload })), extra: fc.nat(9) }).map(
  ({ by, items, extra }): SignedCall => ({
    by,
    call: 'SubtensorModule.batch_commit_weights',
    args: {
      netuids: items.map(({ netuid: net }) => net).slice(extra === 0 ? 1 : 0),
      commit_hashes: items.map(({ netuid: net, payload: one }) => payloadHash(by, net, one)),
    },
  }),
);

const raw = bytes(20).map((one) => ({ [`Raw${one.length / 2 - 1}`]: one }));
const field = fc.oneof(
  { weight: 6, arbitrary: raw },
  { weight: 1, arbitrary: fc.constant({ None: null }) },
  { weight: 1, arbitrary: fc.constant({ ResetBondsFlag: null }) },
  { weight: 2, arbitrary: bytes(300).map((one) => ({ BigRaw: one })) },
  { weight: 1, arbitrary: fc.constant({ Sha256: `0x${'5a'.repeat(32)}` }) },
  {
    weight: 1,
    arbitrary: fc.record({ TimelockEncrypted: fc.record({ encrypted: bytes(40), reveal_round: fc.nat(1000) }) }),
  },
);
const commitment = signed(anybody, 'Commitments.set_commitment', {
  netuid,
  info: fc.record({ fields: fc.array(field, { maxLength: 3 }) }),
});

const amount = fc.oneof(
  { weight: 5, arbitrary: fc.nat(20).map((tao) => tao * RAO) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 499, 500, 1_999_999, 2_000_000, 2_000_001) },
  { weight: 1, arbitrary: fc.constantFrom(4_000 * RAO, 20_000 * RAO) },
);
const dest = fc.constantFrom(...COLDKEYS, '@Alice/hot', '@New', '@Newer');

const admin: Readonly<Record<string, [name: string, value: fc.Arbitrary<unknown>]>> = {
  sudo_set_serving_rate_limit: ['serving_rate_limit', fc.nat(6)],
  sudo_set_weights_version_key: ['weights_version_key', fc.constantFrom(0, 5)],
  sudo_set_weights_set_rate_limit: ['weights_set_rate_limit', fc.nat(6)],
  sudo_set_immunity_period: ['immunity_period', fc.nat(10)],
  sudo_set_min_allowed_weights: ['min_allowed_weights', fc.nat(3)],
  // Fewer than there are neurons: 293 refuses, 424 has other bounds.
  sudo_set_max_allowed_uids: ['max_allowed_uids', fc.constantFrom(6, 7, 256)],
  sudo_set_kappa: ['kappa', u16],
  sudo_set_rho: ['rho', u16],
  sudo_set_activity_cutoff: ['activity_cutoff', fc.constantFrom(1, 359, 360, 5000)],
  sudo_set_network_registration_allowed: ['registration_allowed', fc.boolean()],
  sudo_set_max_allowed_validators: ['max_allowed_validators', fc.constantFrom(0, 1, 2, 4, 300)],
  sudo_set_bonds_moving_average: ['bonds_moving_average', fc.constantFrom(0, 900_000, 1_000_000, 1_000_001)],
  sudo_set_bonds_penalty: ['bonds_penalty', u16],
  sudo_set_commit_reveal_weights_enabled: ['enabled', fc.boolean()],
  sudo_set_commit_reveal_weights_interval: ['interval', fc.constantFrom(1, 2, 100)],
  sudo_set_liquid_alpha_enabled: ['enabled', fc.boolean()],
  sudo_set_yuma3_enabled: ['enabled', fc.boolean()],
  sudo_set_adjustment_alpha: ['adjustment_alpha', fc.nat(100)],
  sudo_set_max_difficulty: ['max_difficulty', fc.nat(1000)],
  sudo_set_difficulty: ['difficulty', fc.nat(1000)],
  sudo_set_subtoken_enabled: ['subtoken_enabled', fc.boolean()],
};
const adminCall = fc
  .constantFrom(...Object.entries(admin))
  .chain(([name, [argument, value]]) =>
    fc
      .record({ netuid, value })
      .map(({ netuid: net, value: one }) => inner(`AdminUtils.${name}`, { netuid: net, [argument]: one })),
  );
const globalCall = fc.oneof(
  fc.nat(5).map((min_stake) => inner('AdminUtils.sudo_set_stake_threshold', { min_stake: min_stake * 30 * RAO })),
  fc.nat(3).map((tx_rate_limit) => inner('AdminUtils.sudo_set_tx_rate_limit', { tx_rate_limit: tx_rate_limit * 0 })),
  fc.constantFrom(0, 150, 3100).map((new_limit) => inner('Commitments.set_max_space', { new_limit })),
  fc.record({ who: dest, new_free: amount }).map((args) => inner('Balances.force_set_balance', args)),
  fc.record({ source: dest, dest, value: amount }).map((args) => inner('Balances.force_transfer', args)),
);
const rootCall = fc.oneof({ weight: 4, arbitrary: adminCall }, { weight: 1, arbitrary: globalCall });
const sudo = rootCall.map((call): SignedCall => ({ by: '@Alice', call: 'Sudo.sudo', args: { call } }));
/** By somebody who may not; what owners may differs between the specs and is the conformance suite's. */
const unauthorised = fc
  .record({ by: fc.constantFrom('@Bob', '@Charlie'), call: rootCall, wrapped: fc.boolean() })
  .map(({ by, call, wrapped }): SignedCall => (wrapped ? { by, call: 'Sudo.sudo', args: { call } } : { by, ...call }));

const single = fc.oneof(
  { weight: 8, arbitrary: signed(coldkey, 'SubtensorModule.burned_register', { netuid, hotkey }) },
  { weight: 1, arbitrary: signed(coldkey, 'SubtensorModule.root_register', { hotkey }) },
  { weight: 1, arbitrary: signed(coldkey, 'SubtensorModule.try_associate_hotkey', { hotkey }) },
  { weight: 5, arbitrary: signed(anybody, 'SubtensorModule.serve_axon', axon) },
  { weight: 2, arbitrary: signed(anybody, 'SubtensorModule.serve_axon_tls', { ...axon, certificate: bytes(67) }) },
  { weight: 2, arbitrary: signed(anybody, 'SubtensorModule.serve_prometheus', endpoint) },
  { weight: 6, arbitrary: commitment },
  { weight: 10, arbitrary: setWeights },
  { weight: 5, arbitrary: commitWeights },
  { weight: 6, arbitrary: revealWeights },
  { weight: 2, arbitrary: batchReveal },
  { weight: 2, arbitrary: batchSet },
  { weight: 2, arbitrary: batchCommit },
  { weight: 5, arbitrary: signed(coldkey, 'SubtensorModule.add_stake', { hotkey, netuid, amount_staked: amount }) },
  {
    weight: 4,
    arbitrary: signed(coldkey, 'SubtensorModule.remove_stake', { hotkey, netuid, amount_unstaked: amount }),
  },
  { weight: 1, arbitrary: signed(coldkey, 'SubtensorModule.start_call', { netuid: fc.constant(77) }) },
  { weight: 2, arbitrary: signed(coldkey, 'Balances.transfer_keep_alive', { dest, value: amount }) },
  { weight: 2, arbitrary: signed(coldkey, 'Balances.transfer_allow_death', { dest, value: amount }) },
  { weight: 1, arbitrary: signed(coldkey, 'System.remark_with_event', { remark: bytes(20) }) },
  { weight: 10, arbitrary: sudo },
  { weight: 2, arbitrary: unauthorised },
);

/** Calls in one transaction, all by its signer. */
/** Weights are not among them: 424 checks them before their dispatch, too, and a batch tells of the first error only. */
const batch = fc
  .record({
    by: coldkey,
    kind: fc.constantFrom('batch', 'batch_all', 'force_batch'),
    calls: fc.array(
      single.filter((one) => !one.call.endsWith('_weights')),
      { maxLength: 4 },
    ),
  })
  .map(
    ({ by, kind, calls }): SignedCall => ({
      by,
      call: `Utility.${kind}`,
      args: { calls: calls.map(({ call, args }) => inner(call, args)) },
    }),
  );

const call = fc.oneof({ weight: 20, arbitrary: single }, { weight: 1, arbitrary: batch });
const step: fc.Arbitrary<SequenceStep> = fc.record({
  calls: fc.oneof(
    { weight: 6, arbitrary: call.map((one) => [one]) },
    { weight: 1, arbitrary: fc.array(call, { minLength: 2, maxLength: 3 }) },
  ),
  blocks: fc.oneof({ weight: 6, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 13 }) }),
});

/** A commit and, some blocks later, its reveal: seldom met by chance. */
const episode = fc
  .record({ by: voter, netuid: fc.constantFrom(2, 3), payload, wait: fc.integer({ min: 3, max: 20 }) })
  .map(({ by, netuid: net, payload: one, wait }): SequenceStep[] => {
    const commit = { netuid: net, commit_hash: payloadHash(by, net, one) };
    return [
      { calls: [{ by, call: 'SubtensorModule.commit_weights', args: commit }], blocks: wait },
      { calls: [{ by, call: 'SubtensorModule.reveal_weights', args: revealArgs(net, one) }], blocks: 0 },
    ];
  });

/** Sequences begin with commit-reveal on or off, and with a limit to setting weights or without. */
const settings = fc.record({ on: fc.subarray([2, 3]), limit: fc.constantFrom(0, 20) }).map(({ on, limit }) => {
  const first: SequenceStep[] = on.map((net) =>
    sudoStep('sudo_set_commit_reveal_weights_enabled', { netuid: net, enabled: true }),
  );
  const limits = { netuid: 2, weights_set_rate_limit: limit };
  return limit === 0 ? first : [...first, sudoStep('sudo_set_weights_set_rate_limit', limits)];
});

function sudoStep(call: string, args: Args): SequenceStep {
  return { calls: [{ by: '@Alice', call: 'Sudo.sudo', args: { call: inner(`AdminUtils.${call}`, args) } }], blocks: 0 };
}

const steps = fc.oneof({ weight: 25, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: episode });

/** Some 8 to 32 steps of calls over everything that the emulated runtime describes. */
export const sequences: fc.Arbitrary<SequenceStep[]> = fc
  .tuple(settings, fc.array(steps, { minLength: 8, maxLength: 29, size: 'max' }))
  .map(([first, rest]) => [...first, ...rest.flat()]);
