import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chain } from '@tuning/chain';
import type { Hub } from '@tuning/hub';
import {
  errorCode,
  errorMessage,
  isDiskFull,
  type Logger,
  retry,
  type Signer,
  sleep,
  untilThereIsRoom,
} from '@tuning/kit';
import {
  encodeCommitment,
  MAX_FIELDS,
  modelDigest,
  submissionDigest,
  type TaskOffer,
  taskOfferSchema,
} from '@tuning/protocol';
import type { AssignmentRecord, AssignmentRepository, JobRepository } from '@tuning/store';
import { readCurve } from '@tuning/training';
import { z } from 'zod';
import { HeadClock } from './head-clock.ts';
import { sha256File } from './job-preparation.ts';
import { lossOf, silentChain } from './loss-report.ts';
import { modelCard } from './model-card.ts';
import type { SelfCheck } from './self-check.ts';

const jobResultSchema = z.object({ modelDir: z.string(), steps: z.number(), finalLoss: z.number().nullable() });

export interface SubmitterServices {
  chain: Chain;
  hub: Hub;
  hotkey: Signer;
  netuid: number;
  namespace: string;
  jobs: JobRepository;
  assignments: AssignmentRepository;
  logger: Logger;
  /** Folder of a job, to read its recipe and log from. */
  jobFolder: (jobId: string) => string;
  signal: AbortSignal;
  /** Judges a model before it is pushed; absent: none is. */
  check?: SelfCheck;
}

const OPEN = ['publishing', 'committing', 'committed'] as const;
/** Blocks after the deadline for which making the repo public is tried; validators stop looking long before. */
const REVEAL_BLOCKS = 7_200;
/** Of the operator's own making, or the chain's word: the operator must see them. Other faults pass. */
const REFUSALS = new Set(['OperatorError', 'BadInputError', 'ChainError']);
/** Waits between tries after a fault of hub or chain: short at first, since the deadline is near by nature. */
const RETRY = { attempts: Number.POSITIVE_INFINITY, baseMs: 500, maxMs: 15_000 };

/**
 * Carries a trained model to the chain: push it private, commit its id before the deadline block, read it back, make it
 * public after the deadline. Each state is a row in the store, so a killed miner goes on where it was.
 */
export class Submitter {
  readonly #s: SubmitterServices;
  readonly #running = new Map<string, Promise<void>>();
  /** Code of the last refusal that was logged, by task. */
  readonly #told = new Map<string, string | undefined>();
  /** Tasks whose operator was told that the chain is silent over the deadline. */
  readonly #silence = new Set<string>();
  readonly #clock: HeadClock;
  /** Tasks whose model was checked: a push that fails is tried many times, the model stays the same. */
  readonly #checked = new Set<string>();
  #commitQueue: Promise<unknown> = Promise.resolve();

  constructor(services: SubmitterServices) {
    this.#s = services;
    this.#clock = new HeadClock(services.chain);
  }

  /** To be called with each block. */
  onBlock(): void {
    this.#clock.look();
  }

  /** Takes up every assignment that is between training and its end. */
  resume(): void {
    for (const { taskId } of this.#s.assignments.list({ states: [...OPEN] })) this.start(taskId);
  }

  start(taskId: string): void {
    if (this.#running.has(taskId)) return;
    const run = this.#carry(taskId)
      .catch(async (error) => {
        if (!this.#s.signal.aborted) await this.#lose(taskId, errorMessage(error));
      })
      .finally(() => {
        this.#running.delete(taskId);
        this.#told.delete(taskId);
        this.#silence.delete(taskId);
        this.#checked.delete(taskId);
      });
    this.#running.set(taskId, run);
  }

  /** Resolves when nothing is under way any more; the signal must have been aborted. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #carry(taskId: string): Promise<void> {
    const { assignments, logger, signal } = this.#s;
    for (;;) {
      signal.throwIfAborted();
      const assignment = assignments.get(taskId);
      if (!assignment) return;
      const offer = taskOfferSchema.parse(assignment.offer);
      const step = this.#step(assignment);
      if (!step) return;
      await retry(() => step(assignment, offer), {
        ...RETRY,
        signal,
        logger,
        what: `${assignment.state} ${taskId}`,
        shouldRetry: (error) => this.#mayTryAgain(error, assignment, offer),
      });
    }
  }

  /**
   * Only the clock ends a submission: the deadline before the commitment, the reveal window after it. A refusal that the
   * operator can mend (token, quota, registration) costs nothing if it is mended in time.
   */
  #mayTryAgain(error: Error, assignment: AssignmentRecord, offer: TaskOffer): boolean {
    if (errorCode(error) === 'COMMITMENT_TOO_LONG') return false;
    const { taskId, state } = assignment;
    const noRoom = isDiskFull(error);
    const code = noRoom ? 'DISK_FULL' : errorCode(error);
    // Each reason once: the same is met at every try.
    if ((noRoom || REFUSALS.has(error.name)) && this.#told.get(taskId) !== code) {
      this.#told.set(taskId, code);
      const problem = noRoom ? 'the disk is full: free some space' : 'refused';
      const message = `${problem}; trying again until it is too late`;
      this.#s.logger.error({ taskId, state, code, error: error.message }, message);
    }
    this.#tellSilence(assignment);
    // A commitment may be in its block although there was no room to note it.
    const mayBeIn = state === 'committed' || (state === 'committing' && noRoom);
    const last = mayBeIn ? offer.deadlineBlock + REVEAL_BLOCKS : offer.deadlineBlock;
    return this.#s.chain.head.number <= last;
  }

  /** A head that stands still ends no submission; its operator must know what that may cost, once. */
  #tellSilence(assignment: AssignmentRecord): void {
    const { taskId, validator, offer } = assignment;
    const head = this.#clock.look();
    if (head.estimate <= offer.deadlineBlock || head.seen > offer.deadlineBlock || this.#silence.has(taskId)) return;
    this.#silence.add(taskId);
    const { deadlineBlock } = offer;
    this.#s.logger.error(
      { taskId, validator, deadlineBlock, reason: silentChain(assignment, head) },
      'the chain is silent',
    );
  }

  #step(assignment: AssignmentRecord): ((assignment: AssignmentRecord, offer: TaskOffer) => Promise<void>) | undefined {
    if (assignment.state === 'publishing') return (a, offer) => this.#publish(a, offer);
    if (assignment.state === 'committing') return (a, offer) => this.#inTurn(() => this.#commit(a, offer));
    if (assignment.state === 'committed') return (a, offer) => this.#reveal(a, offer);
    return undefined;
  }

  async #publish(assignment: AssignmentRecord, offer: TaskOffer): Promise<void> {
    const { hub, namespace, jobs, assignments, hotkey, jobFolder, logger, signal } = this.#s;
    const { taskId, jobId } = assignment;
    const result = jobResultSchema.parse(jobs.get(jobId)?.result);
    if (!this.#checked.has(taskId)) {
      const verdict = await this.#s.check?.(offer, result.modelDir, signal);
      if (verdict && verdict.code !== 'accepted') {
        const { code, reason } = verdict;
        return this.#fail(taskId, `the model would be refused, so it was not committed: ${code}, ${reason}`);
      }
      this.#checked.add(taskId);
    }
    const dir = jobFolder(jobId);
    const names = (await readdir(result.modelDir)).sort();
    const model = names.map((name) => ({ path: name, content: join(result.modelDir, name) }));
    const files = [...model, { path: 'log.jsonl', content: join(dir, 'out', 'log.jsonl') }];
    const digested = await Promise.all(
      files.map(async ({ path, content }) => ({ path, sha256: await sha256File(content) })),
    );
    const digest = submissionDigest(modelDigest(digested), hotkey.address);
    const recipe = await readFile(join(dir, 'recipe.yml'), 'utf8');
    const repo = submissionRepo(namespace, taskId);
    const card = modelCard({
      offer,
      repo,
      hotkey: hotkey.address,
      isAdapter: names.includes('adapter_config.json'),
      recipe,
      steps: result.steps,
      finalLoss: result.finalLoss,
      curve: await readCurve(join(dir, 'out', 'log.jsonl')),
    });
    const { revision } = await hub.publish(
      {
        type: 'model',
        repo,
        visibility: 'private',
        files: [...files, { path: 'README.md', content: Buffer.from(card) }],
        message: `Task ${taskId}`,
      },
      { signal },
    );
    assignments.update(taskId, { state: 'committing', repo, revision, digest });
    logger.info({ taskId, repo, revision, files: files.length }, 'model pushed, still private');
  }

  async #commit(assignment: AssignmentRecord, offer: TaskOffer): Promise<void> {
    const { chain, netuid, hotkey, assignments, logger, signal } = this.#s;
    const { taskId } = assignment;
    const mine = fieldOf(assignment);
    const onChain = await chain.commitment(netuid, hotkey.address);
    let block = onChain?.fields.includes(mine) ? onChain.block : undefined;
    if (block === undefined) {
      if (chain.head.number >= offer.deadlineBlock) {
        return this.#revealAnyway(
          taskId,
          `the deadline block ${offer.deadlineBlock} passed before the commitment of ${assignment.repo} was seen`,
        );
      }
      const included = await chain.commit({ netuid, hotkey, fields: this.#fields(mine) }, { signal });
      block = included.number;
    }
    if (block > offer.deadlineBlock) {
      return this.#fail(
        taskId,
        `the commitment came in block ${block}, after the deadline block ${offer.deadlineBlock}: it does not count`,
      );
    }
    assignments.update(taskId, { state: 'committed', commitBlock: block });
    logger.info({ taskId, block, deadlineBlock: offer.deadlineBlock, commitment: mine }, 'committed');
  }

  /**
   * A commitment that was included just before a crash may have left the slot since. Only the validator's record of all
   * blocks can tell, so the model is made public all the same: that costs nothing and may save the task.
   */
  #revealAnyway(taskId: string, message: string): void {
    this.#s.assignments.update(taskId, { state: 'committed', message });
    this.#s.logger.error({ taskId, reason: message }, 'the submission is probably lost');
  }

  /** One slot holds all live tasks: the new field first, then those whose deadline is still ahead. */
  #fields(mine: string): string[] {
    const { assignments, chain } = this.#s;
    const others = assignments
      .list({ states: ['committing', 'committed'] })
      .filter((other) => taskOfferSchema.parse(other.offer).deadlineBlock >= chain.head.number)
      .map(fieldOf)
      .filter((field) => field !== mine);
    return [mine, ...others].slice(0, MAX_FIELDS);
  }

  async #reveal(assignment: AssignmentRecord, offer: TaskOffer): Promise<void> {
    const { chain, hub, assignments, logger, signal } = this.#s;
    while (chain.head.number <= offer.deadlineBlock) {
      this.#tellSilence(assignment);
      await sleep(Math.max(200, Math.min(chain.blockTimeMs, 5_000)), signal);
    }
    await hub.setVisibility({ type: 'model', repo: assignment.repo! }, 'public', { signal });
    assignments.update(assignment.taskId, { state: 'published' });
    logger.info({ taskId: assignment.taskId, repo: assignment.repo }, 'model is public');
  }

  async #lose(taskId: string, error: string): Promise<void> {
    const { assignments, jobs } = this.#s;
    const assignment = assignments.get(taskId);
    if (!assignment) return;
    const trained = jobResultSchema.safeParse(jobs.get(assignment.jobId)?.result).data;
    await this.#fail(taskId, lossOf(assignment, trained, error));
  }

  async #fail(taskId: string, message: string): Promise<void> {
    const { assignments, logger, signal } = this.#s;
    const known = assignments.get(taskId);
    const facts = {
      validator: known?.validator,
      model: known?.offer.model.repo,
      deadlineBlock: known?.offer.deadlineBlock,
    };
    logger.error({ taskId, ...facts, reason: message }, 'submission lost');
    const fail = () => assignments.update(taskId, { state: 'failed', message });
    try {
      await untilThereIsRoom(`the end of task ${taskId}`, fail, { signal, logger });
    } catch (error) {
      // The next start takes the task up and comes to the same end.
      logger.error({ taskId, error: errorMessage(error) }, 'cannot note that a submission is lost');
    }
  }

  /** Commitments go one after the other: each writes the whole slot. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#commitQueue.then(work, work);
    this.#commitQueue = next.catch(() => {});
    return next;
  }
}

/** Where a miner publishes its model for a task. */
export function submissionRepo(namespace: string, taskId: string): string {
  return `${namespace}/t-${taskId}`;
}

function fieldOf(assignment: AssignmentRecord): string {
  const { taskId, repo, revision, digest } = assignment;
  return encodeCommitment({ kind: 'submission', taskId, repo: repo!, revision: revision!, digest: digest! });
}
