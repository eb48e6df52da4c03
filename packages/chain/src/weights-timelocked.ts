import { blake2AsHex } from '@polkadot/util-crypto';
import { errorCode } from '@tuning/kit';
import { z } from 'zod';
import type { CallOptions, SetWeightsArgs, SetWeightsResult } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError } from './chain-error.ts';
import type { ChainState } from './chain-state.ts';
import { hexBytes, uint } from './chain-values.ts';
import { epochAt, readEpochClock, revealWindow } from './epoch-clock.ts';
import { type Beacon, QUICKNET } from './timelock/beacon.ts';
import { timelockEncryptInSteps } from './timelock/cipher.ts';
import { encodeWeightsPayload } from './timelock/weights-payload.ts';
import { planWeights, type WeightPlan } from './weight-plan.ts';

/** `CommitRevealWeightsVersion` whose payload and call this version writes. */
export const TIMELOCK_VERSION = 4;

/** Blocks after the first block of the reveal epoch for which the round is taken: SECURITY_BLOCK_OFFSET of the Python SDK. */
const SECURITY_BLOCKS = 3;

/**
 * An epoch that starts within so many blocks is waited for: whether the commit lands before or after its start decides
 * about a whole epoch, and on a real network blocks pass between the finalised head and inclusion.
 */
const BOUNDARY_BLOCKS = 8;
const WAIT_FLOOR_MS = 2_000;

const beaconConfig = z.object({
  publicKey: hexBytes,
  period: uint.refine((seconds) => seconds > 0, 'zero'),
  genesisTime: uint,
});

/**
 * Commits weights that the chain reveals by itself when drand publishes a round, at the start of the subnet's reveal epoch.
 * The round is computed anew for each commit.
 */
export async function commitTimelockedWeights(
  context: ChainContext,
  args: SetWeightsArgs,
  first: WeightPlan,
  options: CallOptions,
): Promise<SetWeightsResult> {
  const { netuid, hotkey } = args;
  const plan = await clearOfBoundary(context, args, first, options);
  const { uids, values, versionKey, head, epochs } = plan;
  const { beacon, lastStored } = await context.read('the drand beacon', readDrand, {
    at: head.hash,
    signal: options.signal,
  });
  const planned = revealWindow(epochs, epochAt(epochs, head.number + 1)).from;
  const round = Math.max(revealRound(plan, planned, context.blockTimeMs, beacon), lastStored + 1);
  const commit = await timelockEncryptInSteps({
    plaintext: encodeWeightsPayload({ hotkey: hotkey.address, uids, values, versionKey }),
    round,
    publicKey: beacon.publicKey,
  });
  const { block, events } = await context.submit(
    {
      pallet: 'subtensorModule',
      call: 'commitTimelockedWeights',
      args: [netuid, `0x${Buffer.from(commit).toString('hex')}`, round, TIMELOCK_VERSION],
    },
    hotkey,
    options,
  );
  const hash = blake2AsHex(commit);
  const taken = events.some(({ name, data }) => name === 'TimelockedWeightsCommitted' && data[2] === hash);
  if (!taken) {
    throw new ChainError(
      'WEIGHTS_MISMATCH',
      `commit_timelocked_weights succeeded in block ${block.number}, but the chain took another commit: read its commits before setting again`,
      { details: { block: block.number } },
    );
  }
  const after = await context.read('the epochs', (state) => readEpochClock(state, netuid, block.number), {
    at: block.hash,
    signal: options.signal,
  });
  const window = revealWindow(after, after.epoch);
  return {
    form: 'timelocked',
    block,
    uids,
    values,
    reveal: { ...window, epoch: after.epoch + after.revealPeriod, round },
  };
}

/** Plans again behind an epoch that is about to start. */
async function clearOfBoundary(
  context: ChainContext,
  args: SetWeightsArgs,
  plan: WeightPlan,
  { signal, deadlineMs = 120_000 }: CallOptions,
): Promise<WeightPlan> {
  const { head, epochs } = plan;
  const margin = Math.min(BOUNDARY_BLOCKS, Math.floor(epochs.length / 4));
  const blocksLeft = epochs.nextStart - (head.number + 1);
  if (blocksLeft < 1 || blocksLeft > margin) return plan;
  const ms = Math.min(deadlineMs, WAIT_FLOOR_MS + 2 * (blocksLeft + BOUNDARY_BLOCKS) * context.blockTimeMs);
  try {
    await context.waitForBlock(epochs.nextStart, { ms, ...(signal && { signal }) });
  } catch (error) {
    // A chain that makes blocks for transactions only: the next block is the commit's.
    if (errorCode(error) === 'DEADLINE_EXCEEDED') return plan;
    throw error;
  }
  return planWeights(context, args, signal);
}

/**
 * The round to seal for: floor((time of the reveal block + 3 blocks - genesis) / period), as the Python SDK has it
 * (RaoFoundation/subtensor sdk/bittensor-core). Time is the chain's own, so a wrong clock here does no harm.
 */
export function revealRound(
  { head, timestampMs }: Pick<WeightPlan, 'head' | 'timestampMs'>,
  revealBlock: number,
  blockTimeMs: number,
  beacon: Pick<Beacon, 'genesisTime' | 'periodSeconds'>,
): number {
  const seconds = (timestampMs + (revealBlock + SECURITY_BLOCKS - head.number) * blockTimeMs) / 1000;
  return Math.max(1, Math.floor((seconds - beacon.genesisTime) / beacon.periodSeconds));
}

/** The network whose rounds the chain waits for (quicknet where it names none), and the last one it has. */
async function readDrand(state: ChainState): Promise<{ beacon: Beacon; lastStored: number }> {
  const has = (item: string) => state.has('drand', item);
  const [config, lastStored] = await Promise.all([
    has('beaconConfig') ? state.read(beaconConfig, 'drand', 'beaconConfig') : undefined,
    readDrandRound(state),
  ]);
  if (!config) return { beacon: QUICKNET, lastStored };
  const { publicKey, genesisTime, period } = config;
  return { beacon: { publicKey, genesisTime, periodSeconds: period }, lastStored };
}

/** The newest round that the chain has; 0 where it keeps none. */
export async function readDrandRound(state: ChainState): Promise<number> {
  return state.has('drand', 'lastStoredRound') ? state.read(uint, 'drand', 'lastStoredRound') : 0;
}
