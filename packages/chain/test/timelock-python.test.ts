import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { epochAt, readEpochClock, revealWindow } from '../src/epoch-clock.ts';
import { compact, u64 } from '../src/scale-bytes.ts';
import { QUICKNET } from '../src/timelock/beacon.ts';
import { timelockDecrypt, timelockEncrypt } from '../src/timelock/cipher.ts';
import { revealRound } from '../src/weights-timelocked.ts';
import { FakeContext } from './fake-context.ts';

const ROUND = 1000;
const SIGNATURE = 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';

/** `encrypt_at_round(b'hello from python', 1000)` of bittensor-drand 2.0.0, without the round that it appends. */
const PYTHON_SEALED =
  '905dbfae2df53ff51057c794ecdb6c4311e907004d9661f102c5c1f0a5ea31a5419e818ddf07c765b772816dcc32659c1101457772be7a0d3de4c52db6366c5aef8690d3530dfbfb0044861b7beb3d76544aa7d73c11f3fd51c11e61dfa79be6200000000000000075d3c3d25d03186b067abb03e413b4761ddbb95a154fe52be8ae504ea1cbc3892000000000000000786626b55b4c3bf02df3a5b0b8b5248ed223071cc4ed328df58d99acaf386c3c3d00000000000000210000000000000023ad3397408da9aadd1fea3ca87c1d84c46ae7b879b53e352152cc68df5bb4c37b0c0000000000000044152a861d5408e2facd302f08000000000000004145535f47434d5f';

/** A Python with the official `bittensor-drand` (2.0.0 has been tried). */
const python = process.env['BITTENSOR_PYTHON'];

const SCRIPT = `
import json, sys, time, bittensor_drand as drand
asked = json.load(sys.stdin)
opened = [drand.decrypt_with_signature(bytes.fromhex(one), asked['signature']).hex() for one in asked['sealed']]
sealed = [drand.encrypt_at_round(bytes.fromhex(one), asked['round'])[0].hex() for one in asked['plain']]
rounds = []
for one in asked['schedules']:
    commit, round = drand.get_encrypted_commit_v2([1, 2], [65535, 7], 3, one['last'], one['pending'], 7, one['tempo'],
        0, one['block'], one['period'], 12.0, bytes([1] * 32))
    rounds.append({'round': round, 'now': time.time(), 'bytes': len(commit)})
print(json.dumps({'opened': opened, 'sealed': sealed, 'rounds': rounds}))
`;

/** The package keeps a sealed text with its round: SCALE of (bytes, u64). */
function wrapped(sealed: Uint8Array): Buffer {
  return Buffer.concat([compact(sealed.length), sealed, u64(BigInt(ROUND))]);
}

it.skipIf(!python)('agrees with the official Python package, in both directions and on the rounds', async () => {
  const lengths = [0, 1, 47, 780, 1300];
  const plain = lengths.map((length) => Buffer.from(Array.from({ length }, (_, at) => (at * 7) & 0xff)));
  const schedules = fc.sample(
    fc.record({
      last: fc.integer({ min: 1, max: 5_000 }),
      tempo: fc.integer({ min: 40, max: 400 }),
      since: fc.double({ min: 0, max: 0.8, noNaN: true }),
      period: fc.integer({ min: 1, max: 4 }),
    }),
    20,
  );
  const asked = schedules.map(({ last, tempo, since, period }) => ({
    last,
    tempo,
    period,
    pending: 0,
    block: last + Math.floor(tempo * since),
  }));
  const input = {
    signature: SIGNATURE,
    round: ROUND,
    sealed: plain.map((plaintext) => wrapped(timelockEncrypt({ plaintext, round: ROUND })).toString('hex')),
    plain: plain.map((bytes) => bytes.toString('hex')),
    schedules: asked,
  };
  const output = execFileSync(python!, ['-c', SCRIPT], { input: JSON.stringify(input), timeout: 25_000 });
  const answer = JSON.parse(output.toString()) as {
    opened: string[];
    sealed: string[];
    rounds: { round: number; now: number; bytes: number }[];
  };
  expect(answer.opened).toEqual(input.plain);
  for (const [at, hex] of answer.sealed.entries()) {
    const theirs = Buffer.from(hex, 'hex');
    const length = plain[at]!.length + 244;
    const sealed = theirs.subarray(compact(length).length).subarray(0, length);
    expect(Buffer.from(timelockDecrypt(sealed, Buffer.from(SIGNATURE, 'hex')))).toEqual(plain[at]);
  }
  for (const [at, { last, tempo, period, block }] of asked.entries()) {
    const { round, now, bytes } = answer.rounds[at]!;
    const storage = { tempo, subnetEpochIndex: 7, lastEpochBlock: last, pendingEpochAt: 0, revealPeriodEpochs: period };
    const clock = await new FakeContext(storage).read('x', (state) => readEpochClock(state, 2, block));
    const { from } = revealWindow(clock, epochAt(clock, block + 1));
    const ours = revealRound({ head: { number: block, hash: '' }, timestampMs: now * 1000 }, from, 12_000, QUICKNET);
    expect(Math.abs(ours - round), JSON.stringify(asked[at])).toBeLessThanOrEqual(1);
    expect(bytes).toBe(244 + 33 + 5 + 5 + 8);
  }
});

it('opens what the official Python package has sealed', () => {
  const sealed = Buffer.from(PYTHON_SEALED, 'hex');
  expect(Buffer.from(timelockDecrypt(sealed, Buffer.from(SIGNATURE, 'hex'))).toString()).toBe('hello from python');
});
