import type { DifferenceId } from '../conformance/spec-differences.ts';
import type { SequenceStep } from './arbitraries.ts';
import { commonEvents, explain, feeAt424, nameOf, withoutPools } from './differences.ts';
import { digestOf, type Items } from './digest.ts';
import type { BlockOutcome, Branch, CallOutcome, SignedCall } from './direct-chain.ts';
import { blocksOf, mustSkip, mustWait } from './steering.ts';

/** One sequence as one runtime played it: all that is compared. */
export interface Played {
  readonly blocks: readonly BlockOutcome[];
  readonly digest: Readonly<Record<string, string>>;
}

/** What `runtime` rightly does not do alike is left out of a sequence, or done a block later; see steering.ts. */
export function playSteered(branch: Branch, steps: readonly SequenceStep[], items: Items): [SequenceStep[], Played] {
  const blocks: BlockOutcome[] = [];
  const steered: SequenceStep[] = [];
  const next = (calls: readonly SignedCall[]) => {
    blocks.push(branch.next(calls));
    steered.push({ calls, blocks: 0 });
  };
  for (const { calls, blocks: more } of steps) {
    for (const together of blocksOf(calls)) {
      while (mustWait(branch, together)) next([]);
      next(together.filter((call) => !mustSkip(branch, call)));
    }
    for (let i = 0; i < more; i++) next([]);
  }
  return [steered, { blocks, digest: digestOf(branch, items) }];
}

export function play(branch: Branch, steps: readonly SequenceStep[], items: Items): Played {
  const blocks: BlockOutcome[] = [];
  for (const { calls, blocks: more } of steps) {
    blocks.push(branch.next(calls));
    for (let i = 0; i < more; i++) blocks.push(branch.next([]));
  }
  return { blocks, digest: digestOf(branch, items) };
}

/** Throws at the first thing that differs and that no named difference explains. Gives the names of those it met. */
export function expectSame(steps: readonly SequenceStep[], real: Played, ours: Played): Set<DifferenceId> {
  const met = new Set<DifferenceId>();
  let block = 0;
  for (const [at, { calls, blocks: more }] of steps.entries()) {
    for (const [i, call] of calls.entries()) {
      compareCall(`step ${at}, call ${i}`, call, real.blocks[block]!.calls[i]!, ours.blocks[block]!.calls[i]!, met);
    }
    for (let i = 0; i <= more; i++, block++) {
      const hooks = commonEvents(ours.blocks[block]!.hooks, met);
      same(`step ${at}, block ${i}: events of the hooks`, commonEvents(real.blocks[block]!.hooks, met), hooks);
    }
  }
  same('the state at the end', lines(real.digest), lines(ours.digest));
  return met;
}

function compareCall(
  where: string,
  call: SignedCall,
  real: CallOutcome,
  ours: CallOutcome,
  met: Set<DifferenceId>,
): void {
  const what = `${where}: ${nameOf(call)} by ${call.by} ${JSON.stringify(call.args)}`;
  if (real.result !== ours.result) {
    const named = explain(call, real, ours);
    if (!named) throw new Error(`${what}\n  real: ${JSON.stringify(real)}\n  ours: ${JSON.stringify(ours)}`);
    met.add(named);
    return;
  }
  const paid = feeAt424(call, real, met);
  if (paid !== ours.fee > 0) throw new Error(`${what}\n  fee of the real one ${real.fee}, of ours ${ours.fee}`);
  same(what, withoutPools(call, commonEvents(real.events, met)), withoutPools(call, commonEvents(ours.events, met)));
}

function lines(digest: Readonly<Record<string, string>>): string[] {
  return Object.entries(digest).map(([key, value]) => `${key}=${value}`);
}

function same(what: string, real: readonly string[], ours: readonly string[]): void {
  const missing = real.filter((one) => !ours.includes(one));
  const added = ours.filter((one) => !real.includes(one));
  if (JSON.stringify(real) === JSON.stringify(ours)) return;
  throw new Error(`${what}\n  only real: ${missing.join('\n    ')}\n  only ours: ${added.join('\n    ')}`);
}
