import { compactAddLength, compactStripLength } from '@polkadot/util';
import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { blocks, call, type ItemSpec, type Signing, type Step, scenario, submit } from '../scenario.ts';

const account = (...names: string[]): ItemSpec[] => names.map((name) => ['System.Account', name]);
const remark = (name: string, by: string, signing: Signing = {}): Step =>
  submit(name, by, 'System.remark', { remark: '0x0102' }, { signing });
/** Changes the transaction within its length prefix. */
const tampered = (name: string, change: (body: Uint8Array) => Uint8Array): Step =>
  remark(name, '@Bob', { tamper: (bytes) => compactAddLength(change(compactStripLength(bytes)[1])) });
const withByte = (body: Uint8Array, at: number, byte: number): Uint8Array => {
  const changed = Uint8Array.from(body);
  changed[at] = byte;
  return changed;
};
/** Version, address and signature come before it; then era, nonce, tip and metadata mode, of a byte each. */
const SIGNATURE_AT = 1 + 33 + 1;
const CALL_AT = SIGNATURE_AT + 64 + 4;
/** timestamp.set(1): pallet 2, call 0. */
const TIMESTAMP = [2, 0, 4];
const foreign = (signed: Readonly<Record<string, unknown>>): Signing => ({ signed });

export const poolRefusals = scenario('pool-refusals', [
  tampered('a forged signature', (body) => withByte(body, SIGNATURE_AT, body[SIGNATURE_AT]! ^ 1)),
  tampered('the signature of another scheme', (body) => withByte(body, SIGNATURE_AT - 1, 0)),
  tampered('a scheme that there is not', (body) => withByte(body, SIGNATURE_AT - 1, 9)),
  tampered('another call under the same signature', (body) => withByte(body, body.length - 1, 9)),
  tampered('a pallet that there is not', (body) => withByte(body, CALL_AT, 250)),
  tampered('a call that there is not', (body) => withByte(body, CALL_AT + 1, 250)),
  tampered('a version that there is not', (body) => withByte(body, 0, 0x83)),
  tampered('bytes behind the call', (body) => Uint8Array.from([...body, 0])),
  tampered('a call cut short', (body) => body.subarray(0, -1)),
  tampered('a hash of metadata is signed, but none given', (body) => withByte(body, CALL_AT - 1, 1)),
  tampered('nobody signed it', (body) => Uint8Array.of(4, ...body.subarray(CALL_AT))),
  tampered('nobody signed it, and only a block may say it', () => Uint8Array.from([4, ...TIMESTAMP])),
  submit('which nobody may sign, either', '@Nobody', 'Timestamp.set', { now: 1 }),
  remark('no transaction at all', '@Bob', { tamper: () => Uint8Array.of(12, 1, 2, 3) }),
  remark('signed for another chain', '@Bob', foreign({ genesisHash: `0x${'11'.repeat(32)}` })),
  remark('signed for another spec', '@Bob', foreign({ runtimeVersion: { specVersion: 1, transactionVersion: 1 } })),
  remark('a tip that cannot be paid', '@Bob', { tip: 10n ** 17n }),
  remark('by one who has nothing', '@Nobody'),
  submit('more than a block holds', '@Bob', 'System.remark', { remark: `0x${'00'.repeat(7_900_000)}` }),
  blocks('none of them was kept', 1),
]);

export const nonces = scenario('nonces', [
  remark('two too far', '@Bob', { nonce: 2 }),
  remark('two too far, again', '@Bob', { nonce: 2 }),
  blocks('it waits', 1),
  remark('one too far', '@Bob', { nonce: 1 }),
  blocks('both wait', 1),
  remark('the first', '@Bob', { nonce: 0 }),
  blocks('all three, in their order', 1),
  remark('a used one', '@Bob', { nonce: 1 }),
  remark('a used one with a tip', '@Bob', { nonce: 1, tip: 1_000_000n }),
  remark('the next', '@Bob', { nonce: 3 }),
  remark('the same transaction', '@Bob', { nonce: 3 }),
  submit('another of the same nonce', '@Bob', 'System.remark', { remark: '0x03' }, { signing: { nonce: 3 } }),
  remark('another of the same nonce that tips: tips buy no priority', '@Bob', { nonce: 3, tip: 1_000_000n }),
  remark('one that tips less', '@Bob', { nonce: 3, tip: 999_999n }),
  remark('behind it', '@Bob', { nonce: 4 }),
  remark('of somebody else', '@Charlie', { nonce: 0 }),
  blocks('the first of them, and those behind', 1),
]);

export const eras = scenario('eras', [
  blocks('some blocks', 20),
  call(
    'born in the best block',
    '@Bob',
    'System.remark',
    { remark: '0x01' },
    {
      signing: { era: { period: 8, birth: 20 } },
    },
  ),
  remark('in its last block but one', '@Bob', { era: { period: 8, birth: 15 } }),
  blocks('it is taken', 1),
  remark('after its last block', '@Bob', { era: { period: 8, birth: 14 } }),
  remark('long after', '@Bob', { era: { period: 4, birth: 3 } }),
  remark('born in another block than it says', '@Bob', {
    era: { period: 64, birth: 21 },
    signed: { blockHash: `0x${'22'.repeat(32)}` },
  }),
  remark('it waits for a nonce, and for no more than eight blocks', '@Bob', {
    nonce: 3,
    era: { period: 8, birth: 22 },
  }),
  blocks('its time passes', 10),
  remark('the nonce it waited for', '@Bob', { nonce: 2 }),
  blocks('it has gone', 1),
  blocks('more blocks than the chain knows the hashes of', 2420),
  remark('born before what the chain remembers', '@Bob', { era: { period: 4096, birth: 10 } }),
  remark('born within it', '@Bob', { era: { period: 4096, birth: 2400 } }),
  blocks('which is taken', 1),
]);

const COMMITMENT = { netuid: NETUID, info: { fields: [{ Raw3: '0x010203' }] } };
const commit = (name: string, signing: Signing = {}): Step =>
  call(name, '@Bob/hot', 'Commitments.set_commitment', COMMITMENT, { signing, read: account('@Bob/hot') });

/** To the last RAO: a call that is free costs its tip only. */
export const tips = scenario(
  'tips',
  [
    freshSubnet(),
    neurons('@Bob').map((step) => ({ ...step, sceneOnly: true })),
    commit('free, by a hotkey that has nothing'),
    commit('a tip that it cannot pay', { tip: 1n }),
    call('some TAO for it', '@Alice', 'Sudo.sudo', {
      call: { call: 'Balances.force_set_balance', args: { who: '@Bob/hot', new_free: 10_000 } },
    }),
    commit('a tip', { tip: 1000n }),
    commit('more than it has', { tip: 9001n }),
    submit('free, and refused in the block', '@Charlie/hot', 'Commitments.set_commitment', COMMITMENT),
    blocks('where it costs nothing', 1, { read: account('@Charlie/hot') }),
    call(
      'a free call that fails costs its tip',
      '@Bob/hot',
      'Commitments.set_commitment',
      {
        netuid: 77,
        info: { fields: [] },
      },
      { signing: { tip: 500n }, read: account('@Bob/hot') },
    ),
  ].flat(),
  { exactFees: true },
);
