import { alignEpochs } from '../epoch-clock.ts';
import { freshSubnet, NETUID } from '../levelling.ts';
import {
  type Args,
  blocks,
  call,
  differs,
  type ItemSpec,
  level,
  type Outcome,
  type Step,
  scenario,
  sudo,
} from '../scenario.ts';

/** What spec 424 lets the owner do about epochs, and how many it runs in one block. */

const STATE: ItemSpec[] = ['Tempo', 'PendingEpochAt', 'LastMechansimStepBlock'].map((item) => [
  `SubtensorModule.${item}`,
  NETUID,
]);
/** Little-endian hexadecimal. */
const hex = (value: number, bytes: number): string => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, Math.min(bytes, 6));
  return `0x${buffer.toString('hex')}`;
};
const pending = (block: number | null) => ({
  'SubtensorModule.PendingEpochAt(2)': block === null ? null : hex(block, 8),
});
const put = (name: string, items: Readonly<Record<string, unknown>>, netuid = NETUID): Step =>
  level(
    name,
    Object.entries(items).map(([item, value]) => [[`SubtensorModule.${item}`, netuid], value]),
  );

/** A call that 293 does not have. */
const only424 = (name: string, target: string, args: Args, at424: Partial<Outcome>, by = '@Alice'): Step =>
  call(
    name,
    by,
    `SubtensorModule.${target}`,
    { netuid: NETUID, ...args },
    {
      differs: differs('owner-epochs', { events: [], fee: 1, ...at424 }),
      ...(at424.storage ? { read: STATE } : {}),
    },
  );
const refused = (error: string): Partial<Outcome> => ({ result: `SubtensorModule.${error}` });

export const epochControl = scenario('epoch-control', [
  freshSubnet(),
  put('no epoch by itself', { LastEpochBlock: 0 }),
  level('a freeze window of five blocks', [[['SubtensorModule.AdminFreezeWindow'], 5]]),
  only424('an epoch for a stranger', 'trigger_epoch', {}, { result: 'BadOrigin' }, '@Bob'),
  put('commit-reveal on', { CommitRevealWeightsEnabled: true }),
  only424('an epoch with commit-reveal', 'trigger_epoch', {}, refused('DynamicTempoBlockedByCommitReveal')),
  put('commit-reveal off', { CommitRevealWeightsEnabled: false }),
  only424(
    '4: an epoch',
    'trigger_epoch',
    {},
    {
      result: 'ok',
      events: ['SubtensorModule.EpochTriggered(2, @Alice, 9)'],
      storage: pending(9),
    },
  ),
  only424('5: another', 'trigger_epoch', {}, refused('EpochTriggerAlreadyPending')),
  only424('6: nor another tempo', 'set_tempo', { tempo: 400 }, refused('AdminActionProhibitedDuringWeightsWindow')),
  blocks('to block 8', 2),
  blocks('9: the epoch', 1, {
    read: STATE,
    differs: differs('owner-epochs', {
      blockEvents: ['SubtensorModule.IncentiveAlphaEmittedToMiners(2, [0])'],
      storage: { ...pending(0), 'SubtensorModule.LastMechansimStepBlock(2)': hex(9, 8) },
    }),
  }),
  only424('a tempo that is too short', 'set_tempo', { tempo: 359 }, refused('TempoOutOfBounds')),
  only424('a tempo that is too long', 'set_tempo', { tempo: 50_401 }, refused('TempoOutOfBounds')),
  only424('a tempo by a stranger', 'set_tempo', { tempo: 360 }, { result: 'BadOrigin' }, '@Bob'),
  sudo(
    'a tempo by sudo in the owner’s way',
    'SubtensorModule.set_tempo',
    { netuid: NETUID, tempo: 360 },
    {
      differs: differs('owner-epochs', { result: 'BadOrigin', events: [], fee: 0 }),
    },
  ),
  put('an old cycle', { LastEpochBlock: 0 }),
  only424(
    '14: a tempo',
    'set_tempo',
    { tempo: 360 },
    {
      result: 'ok',
      events: ['SubtensorModule.TempoSet(2, 360)'],
      storage: {
        'SubtensorModule.Tempo(2)': '0x6801',
        ...pending(0),
        'SubtensorModule.LastMechansimStepBlock(2)': hex(9, 8),
      },
    },
  ),
  put('the next epoch is in block 20', { Tempo: 10, LastEpochBlock: 10 }),
  only424(
    '15: five blocks before',
    'trigger_epoch',
    {},
    {
      result: 'ok',
      events: ['SubtensorModule.EpochTriggered(2, @Alice, 20)'],
    },
  ),
  put('none was triggered', { PendingEpochAt: 0 }),
  only424('16: four blocks before', 'trigger_epoch', {}, refused('AutoEpochAlreadyImminent')),
]);

const CLOCKS: ItemSpec[] = [1, NETUID].map((netuid) => ['SubtensorModule.LastMechansimStepBlock', netuid]);
const ran = (netuid: number, neurons: string): string =>
  `SubtensorModule.IncentiveAlphaEmittedToMiners(${netuid}, [${neurons}])`;

/** Spec 293 runs every epoch that is due. */
export const epochsDeferred = scenario('epochs-deferred', [
  freshSubnet(),
  level('one epoch in a block', [[['SubtensorModule.MaxEpochsPerBlock'], 1]]),
  put('nor at netuid 1', { Tempo: 65_535 }, 1),
  blocks('to block 27', 26),
  alignEpochs('both are due in block 36'),
  alignEpochs('netuid 1 as well', 12, 1),
  blocks('to block 35', 8, { read: CLOCKS }),
  blocks('36: both are due, one waits', 1, {
    read: CLOCKS,
    differs: differs('epochs-deferred', {
      blockEvents: ['SubtensorModule.EpochDeferred(2, 36, 37)', ran(1, '0')],
      storage: { 'SubtensorModule.LastMechansimStepBlock(2)': null },
    }),
  }),
  put('it is due no more', { LastEpochBlock: 36 }),
  blocks('37: but its turn comes', 1, {
    read: CLOCKS,
    differs: differs('epochs-deferred', {
      blockEvents: [ran(NETUID, '0')],
      storage: { 'SubtensorModule.LastMechansimStepBlock(2)': hex(37, 8) },
    }),
  }),
]);
