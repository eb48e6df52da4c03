import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import {
  measureSynthetic,
  openRowFile,
  type RowFile,
  type SyntheticReport,
  sealSplit,
  writeRows,
} from '@tuning/dataset';
import { BadInputError, writeFileAtomic } from '@tuning/kit';
import { ROLE } from '@tuning/neuron';
import type { TaskRequest } from '@tuning/protocol';
import { drawOrder, drawWeight, RULES } from '@tuning/tournament';
import { measureBase } from '../base-measurement.ts';
import { openWindow, scheduleOf } from '../schedule.ts';
import type { ValidatorServices } from '../services.ts';
import { taskFolder } from '../task-folder.ts';
import type { TaskSteps } from '../task-steps.ts';
import { publishTrainSplit } from '../train-publication.ts';

/** Synthetic rows: a twentieth of the dataset, within bounds that keep the gate cheap and not too noisy. */
const SYNTHETIC_ROWS = { share: 0.05, min: 20, max: 400 };

/** Splits under a secret seed, measures the base, publishes the train part, seals it on-chain, draws the miners, sets the blocks. */
export async function prepareTask(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  const { seals, signal, logger } = services;
  const seed = await steps.once('seed', () => randomBytes(32).toString('hex'));
  const split = await steps.once('split', () => splitTask(services, steps, request, seed));
  await measureBase(services, steps, request);
  await steps.once('publish', () => publishTrainSplit(services, steps, request));
  const sealed = await steps.once('seal', async () => ({
    block: await seals.commit(steps.taskId, split.seal, signal),
  }));
  logger.info({ taskId: steps.taskId, rows: split.rows, sealBlock: sealed.block }, 'split sealed on-chain');
  const draw = await steps.once('draw', () => drawMiners(services, steps.taskId, sealed.block));
  const schedule = scheduleOf(services, steps.taskId) ?? openWindow(services, steps.taskId, request);
  logger.info({ taskId: steps.taskId, drawn: draw.order.length, ...schedule }, 'miners drawn');
}

async function splitTask(services: ValidatorServices, steps: TaskSteps, request: TaskRequest, seed: string) {
  const rows = await openRowFile(taskFolder(services.folder, steps.taskId).rows, services.signal);
  try {
    return await splitRows(services, steps, request, seed, rows);
  } finally {
    rows.close();
  }
}

async function splitRows(
  services: ValidatorServices,
  steps: TaskSteps,
  request: TaskRequest,
  seed: string,
  rows: RowFile,
) {
  const files = taskFolder(services.folder, steps.taskId);
  const { signal } = services;
  const promised = steps.need('source').digest;
  if (rows.digest !== promised)
    throw new BadInputError(
      'DATASET_CHANGED',
      `the stored rows of task ${steps.taskId} have digest ${rows.digest}, not ${promised}`,
    );
  const syntheticCount = Math.min(
    SYNTHETIC_ROWS.max,
    Math.max(SYNTHETIC_ROWS.min, Math.round(rows.length * SYNTHETIC_ROWS.share)),
  );
  const sealed = await sealSplit(
    {
      rows,
      type: request.dataset_type,
      seed: Buffer.from(seed, 'hex'),
      syntheticCount,
      generator: services.generator,
    },
    signal,
  );
  const synthesis = await measureSynthetic({ type: request.dataset_type, ...sealed }, signal);
  logSynthesis(services, steps.taskId, synthesis);
  await mkdir(files.root, { recursive: true });
  for (const name of ['train', 'test', 'synthetic'] as const) {
    (await writeRows(files[name], sealed[name], signal)).close();
  }
  await writeFileAtomic(files.syntheticReport, `${JSON.stringify(synthesis, null, 2)}\n`);
  return {
    trainDigest: sealed.trainDigest,
    testDigest: sealed.testDigest,
    syntheticDigest: sealed.syntheticDigest,
    splitVersion: sealed.splitVersion,
    seal: sealed.seal,
    syntheticCount,
    rows: {
      dataset: rows.length,
      train: sealed.train.length,
      test: sealed.test.length,
      synthetic: sealed.synthetic.length,
    },
    file: {
      // A file of canonical lines has the digest of its rows.
      sha256: sealed.trainDigest,
      bytes: (await stat(files.train)).size,
      rows: sealed.train.length,
    },
    synthesis,
  };
}

/** One line of counts and figures; a warning where the generator asked for did not do. */
function logSynthesis({ logger }: ValidatorServices, taskId: string, { account, quality }: SyntheticReport): void {
  const { llm, strategies: _, ...counts } = account;
  const facts = {
    taskId,
    ...counts,
    acceptedShare: quality.acceptedShare,
    closestToTrain: quality.novelty.train.closest.p50,
    closestToTest: quality.novelty.test.closest.max,
    selfOverlap: quality.diversity.selfOverlap.mean,
    lengthDistance: quality.length.answer.ks,
    ...(llm ? { llm } : {}),
  };
  const level = account.filled > 0 || account.shortfall > 0 ? 'warn' : 'info';
  logger[level](facts, 'synthetic rows made');
}

/**
 * Draws with the hash of the first finalised block after the seal: it did not exist when the seal was made, so neither
 * the validator nor a miner can steer it.
 */
async function drawMiners(services: ValidatorServices, taskId: string, sealBlock: number) {
  const { chain, config, hotkey, store, signal } = services;
  const block = sealBlock + 1;
  await chain.waitForBlock(block, { signal });
  const blockHash = await chain.blockHash(block);
  const metagraph = await chain.metagraph(config.netuid, { at: blockHash });
  const recent = store.scores.since(Math.max(0, block - RULES.windowBlocks));
  const eligible = metagraph.neurons
    .filter(
      (neuron) =>
        neuron.hotkey !== hotkey.address && neuron.axon?.placeholder2 === ROLE.miner && neuron.peerKey !== undefined,
    )
    .map(({ uid, hotkey: miner }) => ({
      uid,
      hotkey: miner,
      weight: drawWeight(recent.filter((record) => record.hotkey === miner).map(({ score }) => score)),
    }));
  return { block, blockHash, eligible, order: drawOrder({ eligible, blockHash, taskId }) };
}
