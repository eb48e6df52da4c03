import { u8aToHex } from '@polkadot/util';
import { xxhashAsU8a } from '@polkadot/util-crypto';
import { call, differs, inner, read, type Step, scenario, sudo } from '../scenario.ts';

/** What root may do to storage, remarks, and how long a batch may be. */

const KEY = `0x${'c0'.repeat(33)}`;
const OTHER = `0x${'c1'.repeat(32)}`;
/** Utility.batched_calls_limit. */
const LIMIT = 10_922;
const remarks = (count: number) => Array.from({ length: count }, () => inner('System.remark', { remark: '0x' }));
const many = (name: string, target: string, count: number): Step =>
  call(name, '@Bob', `Utility.${target}`, { calls: remarks(count) });
/** An item that the client can read: how much may be committed to. */
const SPACE = u8aToHex(Buffer.concat(['Commitments', 'MaxSpace'].map((name) => xxhashAsU8a(name, 128))));
const space = [['Commitments.MaxSpace']] as const;

export const system = scenario('system', [
  call('a remark', '@Bob', 'System.remark_with_event', { remark: '0x010203' }),
  call('an empty one', '@Bob', 'System.remark_with_event', { remark: '0x' }),
  sudo('a remark of nobody', 'System.remark_with_event', { remark: '0x010203' }),
  call('storage by anybody', '@Bob', 'System.set_storage', { items: [[KEY, '0x01']] }),
  sudo('storage by root', 'System.set_storage', {
    items: [
      [KEY, '0x01'],
      [OTHER, '0x02'],
      [SPACE, '0x64000000'],
    ],
  }),
  read('what was written', space),
  call('no storage by anybody', '@Bob', 'System.kill_storage', { keys: [KEY] }),
  sudo('no storage by root', 'System.kill_storage', { keys: [KEY, SPACE, KEY] }, { read: space }),
  call(
    'the oldest round by anybody',
    '@Bob',
    'Drand.set_oldest_stored_round',
    { oldest_round: 7 },
    {
      differs: differs('oldest-round', { result: 'BadOrigin', events: [], fee: 1 }),
    },
  ),
  sudo(
    'the oldest round by root',
    'Drand.set_oldest_stored_round',
    { oldest_round: 7 },
    {
      read: [['Drand.OldestStoredRound']],
      differs: differs('oldest-round', {
        result: 'ok',
        events: ['Drand.SetOldestStoredRound(7)'],
        fee: 0,
        storage: { 'Drand.OldestStoredRound': '0x0700000000000000' },
      }),
    },
  ),
  many('one call too many for a batch', 'batch', LIMIT + 1),
  many('for one that goes on and on', 'force_batch', LIMIT + 1),
  many('for all or nothing', 'batch_all', LIMIT + 1),
]);
