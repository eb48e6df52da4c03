import { createHash } from 'node:crypto';
import { beaconFromSecret, timelockEncrypt } from '@tuning/chain';
import { drandPulseEntries } from '../../../src/runtime/wasm/drand-pulse.ts';
import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { blocks, call, type ItemSpec, inner, level, type RawEntries, read, type Step, scenario } from '../scenario.ts';

/** A beacon of the test's own: runtimes open a commitment with the stored signature of its round, whoever made it. */
const beacon = beaconFromSecret(createHash('sha256').update('conformance').digest());
const FIRST = 100;

/** Sealed with fixed randomness, so that records stay as they are, and only when it is played: it takes its time. */
function sealed(text: string, round: number): { encrypted: string; revealRound: number } {
  let calls = 0;
  const random = (count: number): Uint8Array => new Uint8Array(count).fill(++calls + text.length);
  const encrypted = timelockEncrypt({ plaintext: Buffer.from(text), round, publicKey: beacon.publicKey, random });
  return { encrypted: `0x${Buffer.from(encrypted).toString('hex')}`, revealRound: round };
}
type Field = () => object;
const field =
  (text: string, round = FIRST): Field =>
  () => ({ TimelockEncrypted: sealed(text, round) });
const pulse = (name: string, round: number, signature?: Uint8Array): Step =>
  level(name, (): RawEntries => {
    const bytes = Buffer.from(signature ?? beacon.sign(round));
    return drandPulseEntries({ round, signature: `0x${bytes.toString('hex')}` });
  });

const rows = (who: string): ItemSpec[] =>
  ['CommitmentOf', 'RevealedCommitments', 'LastCommitment', 'UsedSpaceOf'].map((item) => [
    `Commitments.${item}`,
    NETUID,
    who,
  ]);
const INDEX: ItemSpec = ['Commitments.TimelockedIndex'];
const commit = (name: string, by: string, fields: readonly (Field | object)[]): Step => {
  const args = () => fields.map((one) => (typeof one === 'function' ? (one as Field)() : one));
  const target = () => inner('Commitments.set_commitment', { netuid: NETUID, info: { fields: args() } });
  return call(name, by, target, {}, { read: [...rows(by), INDEX] });
};
const revealed = (name: string, ...who: string[]): Step => blocks(name, 1, { read: [...who.flatMap(rows), INDEX] });

const BOB = '@Bob/hot';
const CHARLIE = '@Charlie/hot';

export const timelockedCommitments = scenario('timelocked-commitments', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  level('space for all', [[['Commitments.MaxSpace'], 1_000_000]]),
  commit('sealed', BOB, [field('first')]),
  commit('sealed, by nobody', '@Nobody', [field('first')]),
  blocks('no pulse, no reveal', 2, { read: rows(BOB) }),
  pulse('a pulse before it', FIRST - 1),
  revealed('the pulse of another round', BOB),
  pulse('its pulse', FIRST),
  revealed('it is revealed', BOB),
  revealed('once', BOB),
  commit('its pulse is there already', BOB, [field('late', FIRST - 1)]),
  revealed('it is revealed in the next block', BOB),
  commit('beside open fields', BOB, [{ Raw2: '0x0102' }, field('between', FIRST + 1), { BigRaw: '0x030405' }]),
  commit('two rounds', CHARLIE, [field('sooner', FIRST + 1), field('later', FIRST + 2)]),
  pulse('the pulse of one of two', FIRST + 1),
  revealed('what is open stays', BOB, CHARLIE),
  commit('overwritten before its pulse', CHARLIE, [{ Raw1: '0x09' }]),
  pulse('the pulse of what was overwritten', FIRST + 2),
  revealed('nothing is revealed', CHARLIE),
  commit('not sealed at all', BOB, [{ TimelockEncrypted: { encrypted: '0x010203', revealRound: FIRST } }]),
  revealed('it vanishes', BOB),
  commit('empty', BOB, [{ TimelockEncrypted: { encrypted: '0x', revealRound: FIRST } }]),
  revealed('it vanishes, too', BOB),
  commit('sealed for another round', BOB, [
    () => ({ TimelockEncrypted: { ...sealed('wrong', FIRST + 2), revealRound: FIRST } }),
  ]),
  revealed('it vanishes as well', BOB),
  commit('nothing is sealed', BOB, [field('')]),
  revealed('nothing is revealed of it', BOB),
  commit('two of one round', CHARLIE, [field('one'), field('two', FIRST + 1)]),
  revealed('both are revealed, in order', CHARLIE),
  commit('sealed for a round with a broken pulse', CHARLIE, [field('never', FIRST + 3), { Raw1: '0x08' }]),
  pulse('a pulse that is no point', FIRST + 3, new Uint8Array(48).fill(7)),
  revealed('it is lost', CHARLIE),
  commit('1024 bytes, the most', CHARLIE, [field('m'.repeat(780), FIRST + 1)]),
  revealed('they are revealed', CHARLIE),
  commit('one byte more', CHARLIE, [field('m'.repeat(781), FIRST + 1)]),
  ...Array.from({ length: 3 }, (_, i) => [
    commit(`more of them, ${i}`, CHARLIE, [field(`a${i}`), field(`b${i}`), field(`c${i}`)]),
    revealed(`the newest ten are kept, ${i}`, CHARLIE),
  ]).flat(),
  read('in the end', [...rows(BOB), ...rows(CHARLIE), INDEX]),
]);
