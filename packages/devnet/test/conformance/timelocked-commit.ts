import { blake2AsHex } from '@polkadot/util-crypto';
import { timelockEncrypt } from '@tuning/chain';
import { drandPulseEntries } from '../../src/runtime/wasm/drand-pulse.ts';
import { NETUID } from './levelling.ts';
import { type Call, call, type Difference, differs, level, type More, type Step } from './scenario.ts';

/** Weights that are encrypted to a drand round: how each spec commits to them, and what it tells when they open. */

/** drand quicknet, round 1000. */
export const ROUND = 1000;
const SIGNATURE = '0xb44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';

/** The same bytes in every run: of the plaintext for that round, with nothing random in it. */
export const seal = (plaintext: Uint8Array, round = ROUND): string => {
  const random = (bytes: number) => new Uint8Array(bytes).fill(plaintext.length);
  return `0x${Buffer.from(timelockEncrypt({ plaintext, round, random })).toString('hex')}`;
};
interface Sealed {
  readonly by?: string;
  readonly netuid?: number;
  readonly round?: number;
  /** Of commit-reveal; spec 293 asks for none. */
  readonly version?: number;
  /** At every spec, alike. */
  readonly refused?: true;
}

/** By the call that each spec has for it. What 424 tells is named, unless the step differs otherwise. */
export const commitSealed = (name: string, sealed: string, options: Sealed & More = {}): Step => {
  const { by = '@Bob/hot', netuid = NETUID, round = ROUND, version = 4, refused, ...more } = options;
  const spec: Call = (now) => {
    const args = { netuid, commit: sealed, reveal_round: round };
    return now.hasCall('SubtensorModule.commit_timelocked_weights')
      ? { call: 'SubtensorModule.commit_timelocked_weights', args: { ...args, commit_reveal_version: version } }
      : { call: 'SubtensorModule.commit_crv3_weights', args };
  };
  const told = [by, netuid, blake2AsHex(sealed, 256), round].join(', ');
  const newName = differs('timelocked-names', { events: [`SubtensorModule.TimelockedWeightsCommitted(${told})`] });
  return call(name, by, spec, {}, refused || more.differs ? more : { ...more, differs: newName });
};

/** Events of a block whose epoch revealed the weights of these; no miner earns anything here. */
export const revealed = (...whose: [uid: number, hotkey: string][]): Difference => {
  const reveals = whose.flatMap(([uid, hotkey]) => [
    `SubtensorModule.WeightsSet(${NETUID}, ${uid})`,
    `SubtensorModule.TimelockedWeightsRevealed(${NETUID}, ${hotkey})`,
  ]);
  const epoch = `SubtensorModule.IncentiveAlphaEmittedToMiners(${NETUID}, [0,0,0,0])`;
  return differs(['incentive-event', ...(whose.length > 0 ? (['timelocked-names'] as const) : [])], {
    blockEvents: [...reveals, epoch],
  });
};

export const pulse = (name: string, round: number): Step =>
  level(name, () => drandPulseEntries({ round, signature: SIGNATURE }));
