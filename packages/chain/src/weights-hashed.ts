import { randomBytes } from 'node:crypto';
import { TransientError } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, HashedWeights, RevealWeightsArgs, SetWeightsArgs, SetWeightsResult } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError, foreseenRefusal } from './chain-error.ts';
import { epochAt, readEpochClock, revealWindow } from './epoch-clock.ts';
import { requireUid } from './subnet.ts';
import { weightsCommitHash } from './timelock/weights-payload.ts';
import { readHashCommits } from './weight-commits.ts';
import type { WeightPlan } from './weight-plan.ts';
import { requireStored } from './weights.ts';

/** u16s of salt: 128 bits. */
const SALT_ENTRIES = 8;

/**
 * Commits a hash of the weights, which the hotkey must reveal itself in the right epoch.
 * @throws as `setWeights`.
 */
export async function commitHashedWeights(
  context: ChainContext,
  { netuid, hotkey, onCommit }: SetWeightsArgs,
  { uids, values, versionKey }: WeightPlan,
  options: CallOptions,
): Promise<SetWeightsResult> {
  const bytes = randomBytes(SALT_ENTRIES * 2);
  const salt = Array.from({ length: SALT_ENTRIES }, (_, at) => bytes.readUInt16LE(at * 2));
  const secret: HashedWeights = {
    netuid,
    hotkey: hotkey.address,
    uids,
    values,
    salt,
    versionKey: versionKey.toString(),
  };
  // Without the salt nobody can reveal: it is handed over before the chain knows of it.
  await onCommit?.(secret);
  const hash = hashOf(secret);
  const { block } = await context.submit(
    { pallet: 'subtensorModule', call: 'commitWeights', args: [netuid, `0x${hash.toString('hex')}`] },
    hotkey,
    options,
  );
  const { clock, commits } = await context.read(
    'the commit just made',
    async (state) => {
      const clock = await readEpochClock(state, netuid, block.number);
      return { clock, commits: await readHashCommits(state, netuid, hotkey.address, clock) };
    },
    { at: block.hash, signal: options.signal },
  );
  const kept = commits.find(({ content }) => hash.equals(content));
  if (!kept) {
    throw new ChainError(
      'WEIGHTS_MISMATCH',
      `commit_weights succeeded in block ${block.number}, but the chain does not hold the commit there: read its commits before setting again`,
      { details: { block: block.number } },
    );
  }
  const reveal = { ...revealWindow(clock, kept.epoch), epoch: kept.epoch + clock.revealPeriod };
  return { form: 'commit-reveal', block, uids, values, pending: secret, reveal };
}

/**
 * Reveals weights that were committed as a hash, in the epoch that the chain takes them, and reads them back.
 * @throws TransientError `REVEAL_TOO_EARLY` (`details.blocksToWait`); ChainError `NO_WEIGHTS_COMMIT_FOUND` (never
 * included, revealed already, or expired), `EXPIRED_WEIGHT_COMMIT`, `WEIGHTS_MISMATCH`, and all that `setWeights` meets;
 * OperatorError `HOTKEY_NOT_REGISTERED`; as `submit`.
 */
export async function revealWeights(
  context: ChainContext,
  { hotkey, pending }: RevealWeightsArgs,
  options: CallOptions = {},
): Promise<{ block: BlockRef; uids: number[]; values: number[] }> {
  const { netuid, uids, values, salt, versionKey } = pending;
  const uid = await requireUid(context, netuid, hotkey.address, options.signal);
  const hash = hashOf(pending);
  const { head } = context;
  const { clock, commits } = await context.read(
    `the weight commits of ${hotkey.address}`,
    async (state) => {
      const clock = await readEpochClock(state, netuid, head.number);
      return { clock, commits: await readHashCommits(state, netuid, hotkey.address, clock) };
    },
    { at: head.hash, signal: options.signal },
  );
  const commit = commits.find(({ content }) => hash.equals(content));
  if (!commit) throw foreseenRefusal('NoWeightsCommitFound', `the reveal of weights on subnet ${netuid}`);
  const next = head.number + 1;
  const [epoch, due] = [epochAt(clock, next), commit.epoch + clock.revealPeriod];
  if (epoch > due) throw foreseenRefusal('ExpiredWeightCommit', `the reveal of weights on subnet ${netuid}`);
  if (epoch < due) {
    const blocksToWait = revealWindow(clock, commit.epoch).from - next;
    throw new TransientError(
      'REVEAL_TOO_EARLY',
      `weights committed in block ${commit.block} may be revealed in epoch ${due} of subnet ${netuid}, in ${blocksToWait} blocks`,
      { details: { blocksToWait, epoch: due } },
    );
  }
  const { block } = await context.submit(
    {
      pallet: 'subtensorModule',
      call: 'revealWeights',
      args: [netuid, uids, values, salt, BigInt(versionKey)],
    },
    hotkey,
    options,
  );
  await requireStored(context, { netuid, uid, uids, values }, block, 'reveal_weights', options.signal);
  return { block, uids, values };
}

function hashOf({ netuid, versionKey, ...rest }: HashedWeights): Buffer {
  return Buffer.from(weightsCommitHash({ ...rest, netuidIndex: netuid, versionKey: BigInt(versionKey) }));
}
