import { stakeOf } from '../../src/runtime/emulated/pallets/subtensor/staking.ts';
import { subtensor } from '../../src/runtime/emulated/pallets/subtensor/storage.ts';
import type { Branch, SignedCall } from './direct-chain.ts';
import { epochFires, NETUIDS } from './prepared.ts';

/**
 * Where the two specs would part for good (one does what the other refuses), a call is not made, or is made a block later.
 * Decided on the emulated runtime's state, which is the same as the real one's as long as nothing differs.
 */

/** 293 counts its epochs by the block number, one block behind the block in which they fire. */
const BY_EPOCH_INDEX = /(commit|reveal)_weights|set_commitment|commit_reveal_weights_/;

/** What one pool checks and the other does not: by the state before the block, so nothing else may change it in there. */
const CHECKED_IN_ONE_POOL = /_weights$|\.(add|remove)_stake$|\.serve_/;

/** The blocks that the calls of a step are sent for: together, but for those that go alone. */
export function blocksOf(calls: readonly SignedCall[]): (readonly SignedCall[])[] {
  const alone = calls.filter(({ call }) => CHECKED_IN_ONE_POOL.test(call));
  const together = calls.filter((call) => !alone.includes(call));
  return [...(together.length > 0 || alone.length === 0 ? [together] : []), ...alone.map((call) => [call])];
}

export function mustWait(branch: Branch, calls: readonly SignedCall[]): boolean {
  return epochFires(branch.block + 1) && BY_EPOCH_INDEX.test(JSON.stringify(calls));
}

export function mustSkip(branch: Branch, { by, call, args }: SignedCall, inBatch = false): boolean {
  const calls = args['calls'] as { call: string; args: Record<string, unknown> }[] | undefined;
  if (calls) return calls.some((one) => mustSkip(branch, { by, ...one }, true));
  const { accounts } = branch.chain.client;
  const account = (nickname: unknown) => accounts.publicKey(nickname as string);
  const has = (item: string, ...keys: unknown[]) =>
    branch.state.get(branch.chain.client.key([`SubtensorModule.${item}`, ...keys])!) !== undefined;
  const registered = (netuid: unknown) => has('Uids', netuid, by);
  // At 293 a hotkey of any subnet may serve on every other.
  if (/\.serve_/.test(call)) {
    return !registered(args['netuid']) && [0, ...NETUIDS].some(registered);
  }
  // The pool of 424 looks at the first commit of a hash even if that has expired, where 293 finds a later one.
  if (/\.(batch_)?commit_weights$/.test(call)) {
    const hashes = [args['commit_hash'] ?? args['commit_hashes']].flat() as string[];
    const queues = NETUIDS.flatMap((netuid) => subtensor.WeightCommits.get(branch.state, netuid, account(by)) ?? []);
    const all = [...queues.map(([hash]) => hash), ...hashes];
    if (new Set(all).size < all.length) return true;
  }
  // The pool of 424 asks for stake before a batch of weights, too; that of 293 only before a single call.
  if (/\.batch_(set|commit|reveal)_weights$/.test(call) && subtensor.StakeThreshold.get(branch.state) > 0n) return true;
  // A fee is taken before the call and given back behind it, on top of the new balance; fees are not alike.
  if (call === 'Sudo.sudo') return /force_set_balance/.test(JSON.stringify(args)) && JSON.stringify(args).includes(by);
  // At 424 more than there is takes out what there is.
  if (call.endsWith('.remove_stake')) {
    const stake = stakeOf(branch.state, account(args['hotkey']), account(by), Number(args['netuid']));
    return BigInt(args['amount_unstaked'] as number) > stake && (stake > 0n || inBatch);
  }
  return false;
}
