import { freshSubnet, fund, NETUID } from '../levelling.ts';
import {
  type Args,
  blocks,
  call,
  differs,
  inner,
  level,
  type Outcome,
  type Step,
  scenario,
  submit,
} from '../scenario.ts';

/** How many may register in a block and in an interval, which only spec 293 limits. */

const PALLET = 'SubtensorModule';
const BURN = 1_000_000_000;

const argsOf = (who: string): Args => ({ netuid: NETUID, hotkey: `${who}/hot` });
/** Refused at 293, but for what is the same at both. */
const register = (name: string, who: string, at424: Partial<Outcome>, args: Args = {}): Step =>
  call(
    name,
    who,
    `${PALLET}.burned_register`,
    { ...argsOf(who), ...args },
    {
      read: [[`${PALLET}.Uids`, NETUID, `${who}/hot`]],
      differs: differs(['registration-limits', 'registration-fee'], { events: [], fee: 1, ...at424 }),
    },
  );
const taken = (who: string, uid: number): Partial<Outcome> => ({
  result: 'ok',
  events: [
    `Balances.Transfer(${who}, @subnet:${NETUID}, ${BURN})`,
    `${PALLET}.RAORecycledForRegistrationSet(${NETUID}, ${uid * BURN})`,
    `${PALLET}.NeuronRegistered(${NETUID}, ${uid}, ${who}/hot)`,
  ],
  storage: { [`${PALLET}.Uids(${NETUID}, ${who}/hot)`]: `0x0${uid}00` },
});
const refused = (error: string): Partial<Outcome> => ({ result: `${PALLET}.${error}` });
const into = (name: string, who: string): Step => submit(name, who, `${PALLET}.burned_register`, argsOf(who));
const put = (name: string, item: string, value: unknown): Step => level(name, [[[`${PALLET}.${item}`, NETUID], value]]);

export const registrationLimits = scenario('registration-limits', [
  freshSubnet({ TargetRegistrationsPerInterval: 1, MaxRegistrationsPerBlock: 1 }),
  level('a price that does not move', [
    [[`${PALLET}.BurnHalfLife`, NETUID], 0],
    [[`${PALLET}.BurnIncreaseMult`, NETUID], { bits: `0x1${'0'.repeat(16)}` }],
  ]),
  fund(10_000_000_000, '@Dave', '@Eve', '@Ferdie'),
  into('the first of a block', '@Bob'),
  into('the second of a block', '@Charlie'),
  blocks('one of a block at 293', 1, {
    differs: differs('registration-limits', { included: ['the first of a block: ok', 'the second of a block: ok'] }),
  }),
  register('the second of an interval', '@Dave', taken('@Dave', 3)),
  register('the third', '@Eve', taken('@Eve', 4)),
  register('the fourth is one too many at 293', '@Ferdie', taken('@Ferdie', 5)),
  register('the limit comes before twice', '@Bob', refused('HotKeyAlreadyRegisteredInSubNet')),
  call(
    'within a batch the pool does not look',
    '@Bob',
    'Utility.batch',
    { calls: [inner(`${PALLET}.burned_register`, argsOf('@Bob'))] },
    {
      differs: differs('registration-limits', {
        events: [`Utility.BatchInterrupted(0, {"error":"${PALLET}.HotKeyAlreadyRegisteredInSubNet"})`],
      }),
    },
  ),
  put('registration is switched off', 'NetworkRegistrationAllowed', false),
  register('where nobody may', '@Bob', refused('SubNetRegistrationDisabled')),
  call('off comes before the limit', '@Bob', 'Utility.batch', {
    calls: [inner(`${PALLET}.burned_register`, argsOf('@Bob'))],
  }),
  put('registration is switched on', 'NetworkRegistrationAllowed', true),
  put('more may', 'TargetRegistrationsPerInterval', 2),
  put('but none in a block', 'MaxRegistrationsPerBlock', 0),
  register('not even one', '@Bob', refused('HotKeyAlreadyRegisteredInSubNet')),
]);
