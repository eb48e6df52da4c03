import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chain, SetWeightsResult } from '@tuning/chain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WeightWatch } from '../src/weight-watch.ts';
import { address, fakeNeuron } from './fake-chain.ts';
import { type LogLine, recordingLogger } from './recording-logger.ts';

const NETUID = 2;
const [validator, first, second, newcomer] = ['V', 'A', 'B', 'C'].map(address) as [string, string, string, string];
const block = (number: number) => ({ number, hash: `0x${number}` });

/** The chain as it would answer at its head, after a commit in block 100 whose reveal was planned for 120 to 140. */
class FakeRevealChain {
  head = block(121);
  neurons = [fakeNeuron(0, validator, { validatorPermit: true }), fakeNeuron(1, first), fakeNeuron(2, second)];
  stored: { uid: number; value: number }[] = [];
  sealed: { form: 'timelocked'; block: number; round: number }[] = [];
  round = 50;
  versionKey = 3n;
  clock = { epoch: 6, length: 20, nextStart: 140, revealPeriod: 1 };
  reads = 0;

  asChain(): Chain {
    return {
      head: this.head,
      metagraph: async () => ({ netuid: NETUID, block: this.head, neurons: this.neurons }),
      hyperparameters: async () => ({ weightsVersionKey: this.versionKey }),
      weightCommits: async () => {
        this.reads += 1;
        return this.sealed.map((commit) => ({ ...commit, epoch: 5, content: new Uint8Array() }));
      },
      weights: async () => this.stored,
      epochs: async () => ({ ...this.clock, block: this.head.number }),
      drandRound: async () => this.round,
      blockHash: async (number: number) => block(number).hash,
    } as unknown as Chain;
  }
}

const committed: Extract<SetWeightsResult, { form: 'timelocked' }> = {
  form: 'timelocked',
  block: block(100),
  uids: [1, 2],
  values: [65_535, 21_845],
  reveal: { epoch: 6, from: 120, until: 140, round: 50 },
};

let folder: string;
let chain: FakeRevealChain;
let lines: LogLine[];
let watch: WeightWatch;
const life = () => {
  const { logger, lines: kept } = recordingLogger();
  lines = kept;
  watch = new WeightWatch(join(folder, 'watch.json'), logger);
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watch-'));
  chain = new FakeRevealChain();
  life();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const watched = () => ({ chain: chain.asChain(), netuid: NETUID, hotkey: validator });
const keep = (set: SetWeightsResult = committed) => watch.keep(watched(), set, [first, second]);
const warning = () => lines.find(({ level }) => level === 'warn')?.message;

describe('a timelocked commit', () => {
  it('is waited for, over a restart, and noted when it is revealed', async () => {
    chain.sealed = [{ form: 'timelocked', block: 100, round: 50 }];
    chain.head = block(101);
    await keep();
    expect(await watch.look(watched())).toBe(19);
    life();
    chain.head = block(120);
    expect(await watch.look(watched())).toBe(1);
    chain.head = block(122);
    chain.sealed = [];
    chain.stored = [
      { uid: 1, value: 65_535 },
      { uid: 2, value: 21_845 },
    ];
    expect(await watch.look(watched())).toBeUndefined();
    expect(lines).toMatchObject([{ level: 'info', committed: 100, seen: 122 }]);
    expect(await watch.mustSetAgain()).toBeUndefined();
    chain.reads = 0;
    await watch.look(watched());
    expect(chain.reads).toBe(0);
  });

  it('counts as revealed where a neuron has been replaced since', async () => {
    await keep();
    chain.neurons[2] = fakeNeuron(2, newcomer);
    chain.stored = [{ uid: 1, value: 65_535 }];
    await watch.look(watched());
    expect(warning()).toBeUndefined();
  });

  it('that is gone without its weights is set again, also after a restart, and only once', async () => {
    await keep();
    chain.stored = [{ uid: 2, value: 65_535 }];
    await watch.look(watched());
    expect(lines).toMatchObject([{ level: 'warn', code: 'WEIGHTS_NOT_REVEALED', committed: 100, round: 50 }]);
    life();
    expect(await watch.mustSetAgain()).toContain('committed in block 100');
    await keep({ ...committed, block: block(130), reveal: { ...committed.reveal, epoch: 7, round: 60 } });
    expect(await watch.mustSetAgain()).toBeUndefined();
  });

  it('needs no second try where a newer commit waits already', async () => {
    await keep();
    chain.sealed = [{ form: 'timelocked', block: 110, round: 55 }];
    await keep({ ...committed, block: block(110), reveal: { epoch: 7, from: 140, until: 160, round: 55 } });
    expect(await watch.look(watched())).toBe(19);
    expect(warning()).toContain('not on the chain');
    expect(await watch.mustSetAgain()).toBeUndefined();
  });

  it('of before a crash is adopted once', async () => {
    chain.head = block(105);
    chain.clock = { epoch: 5, length: 20, nextStart: 120, revealPeriod: 1 };
    chain.sealed = [{ form: 'timelocked', block: 100, round: 50 }];
    const [commit] = await chain.asChain().weightCommits(NETUID, validator);
    const entries = [{ uid: 1, value: 65_535, hotkey: first }];
    await watch.adopt(watched(), commit!, entries);
    await watch.adopt(watched(), commit!, entries);
    expect(await watch.look(watched())).toBe(15);
  });
});

describe('the reason that is told', () => {
  const why = async () => {
    await keep();
    await watch.look(watched());
    return warning();
  };
  it('no pulse', async () => {
    chain.round = 49;
    chain.head = block(141);
    expect(await why()).toMatch(/no pulse of drand round 50 by block 139 \(its newest was 49\).*do not follow drand/);
  });
  it('an epoch that came too early for the round', async () => {
    chain.round = 49;
    chain.clock = { epoch: 7, length: 10, nextStart: 131, revealPeriod: 1 };
    expect(await why()).toMatch(/the epoch was over before the round; epoch 6 was over before block 140.*tempo/);
  });
  it('a permit that was lost', async () => {
    chain.neurons[0] = fakeNeuron(0, validator);
    expect(await why()).toMatch(/no validator permit any more; stake more/);
  });
  it('a slot that was lost', async () => {
    chain.neurons.shift();
    expect(await why()).toMatch(/not registered on this subnet any more; register it again/);
  });
  it('a newer version key', async () => {
    await keep();
    chain.versionKey = 4n;
    await watch.look(watched());
    expect(warning()).toMatch(/asks for version 4 .* and the weights were of 3/);
  });
  it('none of these', async () => {
    expect(await why()).toMatch(/no reason is to be seen; the stake/);
  });
});

it('a uid that got another hotkey while its weights were on their way is noticed', async () => {
  chain.neurons[1] = fakeNeuron(1, newcomer);
  await keep({ form: 'plain', block: block(100), uids: [1, 2], values: [65_535, 21_845] });
  expect(lines).toMatchObject([{ level: 'warn', code: 'WEIGHTS_FOR_REPLACED_UID', uids: [1] }]);
  expect(await watch.mustSetAgain()).toContain('uid 1 got another hotkey');
  await watch.giveUp();
  expect(await watch.mustSetAgain()).toBeUndefined();
});

it('zero weights that only fill up the vector may stand for anybody', async () => {
  chain.neurons[2] = fakeNeuron(2, newcomer);
  await keep({ form: 'plain', block: block(100), uids: [1, 2], values: [65_535, 0] });
  expect(lines).toEqual([]);
});
