import type { Chain } from '@tuning/chain';
import type { MinerConfig } from '@tuning/config';
import { BadInputError, errorMessage, isDiskFull, type Logger, OperatorError } from '@tuning/kit';
import type { DirectoryEntry } from '@tuning/p2p';
import {
  type CurveAnswer,
  type CurveRequest,
  canonicalJson,
  type Json,
  LIMITS,
  type OfferAnswer,
  type StatusAnswer,
  type TaskOffer,
  taskOfferSchema,
  thinCurve,
} from '@tuning/protocol';
import type { AssignmentRecord, JobRecord, MinerStore } from '@tuning/store';
import type { TrainingWorker } from '@tuning/training';
import { z } from 'zod';
import { taskJobId } from './job-payload.ts';
import { decideOffer } from './offer-policy.ts';
import type { OfferSurvey, SurveyOffer } from './offer-survey.ts';
import type { JobNeeds, RoomBook } from './room-book.ts';
import { decideWork } from './work-policy.ts';

const progressSchema = z.object({
  step: z.number().int().optional(),
  totalSteps: z.number().int().optional(),
  loss: z.number().optional(),
  etaMs: z.number().optional(),
});

/** Answers validators: takes offers in, tells how a task stands. */
export class TaskDesk {
  readonly #store: MinerStore;
  readonly #worker: TrainingWorker;
  readonly #chain: Chain;
  readonly #config: MinerConfig;
  readonly #logger: Logger;
  readonly #stakeAlphaOf: (hotkey: string) => number;
  readonly #survey: SurveyOffer;
  readonly #room: Pick<RoomBook, 'admit'>;
  draining = false;

  constructor(services: {
    store: MinerStore;
    worker: TrainingWorker;
    chain: Chain;
    config: MinerConfig;
    logger: Logger;
    /** Alpha staked to a hotkey on the subnet, by the metagraph. */
    stakeAlphaOf: (hotkey: string) => number;
    survey: SurveyOffer;
    room: Pick<RoomBook, 'admit'>;
  }) {
    this.#store = services.store;
    this.#worker = services.worker;
    this.#chain = services.chain;
    this.#config = services.config;
    this.#logger = services.logger;
    this.#stakeAlphaOf = services.stakeAlphaOf;
    this.#survey = services.survey;
    this.#room = services.room;
  }

  /** @throws TransientError where the hub does not tell the model's size: the validator asks again. */
  async onOffer(from: DirectoryEntry, offer: TaskOffer, signal?: AbortSignal): Promise<OfferAnswer> {
    const answer = this.#decide(from, offer) ?? (await this.#look(from, offer, signal));
    const { taskId } = offer;
    if (!answer.accept) {
      const { reason, message } = answer;
      this.#logger.info({ taskId, validator: from.hotkey, reason, message }, 'offer declined');
    }
    return answer;
  }

  /** What the offer itself and what is known of its task say; undefined where nothing speaks against it. */
  #decide(from: DirectoryEntry, offer: TaskOffer): OfferAnswer | undefined {
    const known = this.#store.assignments.get(offer.taskId);
    if (known) return this.#answerAgain(known, from, offer);
    const answer = decideOffer(offer, this.#config.policy, {
      netuid: this.#config.netuid,
      head: this.#chain.head.number,
      openTasks: this.#openTasks(),
      draining: this.draining,
      validator: { hotkey: from.hotkey, stakeAlpha: this.#stakeAlphaOf(from.hotkey) },
      now: Date.now(),
    });
    return answer.accept ? undefined : answer;
  }

  async #look(from: DirectoryEntry, offer: TaskOffer, signal: AbortSignal | undefined): Promise<OfferAnswer> {
    let survey: OfferSurvey;
    try {
      survey = await this.#survey(offer, this.#openTasks() + 1, signal);
    } catch (error) {
      if (!(error instanceof BadInputError) && !(error instanceof OperatorError)) throw error;
      return { accept: false, reason: 'model_not_accepted', message: error.message.slice(0, 500) };
    }
    const { parameters, modelBytes, workHours, alphaPerGpuHour } = survey;
    this.#logger.debug({ taskId: offer.taskId, parameters, modelBytes, workHours, alphaPerGpuHour }, 'offer surveyed');
    const answer = decideWork(survey, this.#config.policy, Date.now());
    return answer.accept ? this.#take(from, offer, modelBytes) : answer;
  }

  #openTasks(): number {
    const states = ['queued', 'training', 'publishing', 'committing', 'committed'] as const;
    return this.#store.assignments.list({ states }).length;
  }

  /** Looking at the work took time, in which other offers may have come: the rules are asked once more. */
  async #take(from: DirectoryEntry, offer: TaskOffer, modelBytes: number): Promise<OfferAnswer> {
    const needs = { model: offer.model, modelBytes, rowsBytes: offer.dataset.file.bytes };
    try {
      const admitted = await this.#room.admit(needs, () => this.#enter(from, offer, needs));
      if ('entered' in admitted) return admitted.entered;
      return { accept: false, reason: 'disk_full', message: admitted.lack.slice(0, 500) };
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#logger.error({ taskId: offer.taskId, error: errorMessage(error) }, 'the disk is full: free some space');
      return { accept: false, reason: 'disk_full', message: 'this miner has no room on its disk' };
    }
  }

  #enter(from: DirectoryEntry, offer: TaskOffer, needs: JobNeeds): OfferAnswer {
    const meanwhile = this.#decide(from, offer);
    if (meanwhile) return meanwhile;
    const jobId = taskJobId(offer.taskId);
    this.#store.transaction(() => {
      this.#store.jobs.insert({
        id: jobId,
        kind: 'task',
        payload: { kind: 'task', taskId: offer.taskId, needs },
        priority: 10,
        deadlineBlock: offer.deadlineBlock,
      });
      this.#store.assignments.insert({ taskId: offer.taskId, validator: from.hotkey, offer, jobId });
    });
    this.#logger.info(
      { taskId: offer.taskId, validator: from.hotkey, model: offer.model.repo, deadlineBlock: offer.deadlineBlock },
      'offer accepted',
    );
    this.#worker.wake();
    return { accept: true };
  }

  /** The same validator asks again when our first answer got lost, perhaps in a later window with other blocks. */
  #answerAgain(known: AssignmentRecord, from: DirectoryEntry, offer: TaskOffer): OfferAnswer {
    if (known.validator !== from.hotkey) {
      return { accept: false, reason: 'validator_not_accepted', message: 'this task id belongs to another validator' };
    }
    if (known.state === 'failed')
      return { accept: false, reason: 'internal', message: (known.message ?? 'this task failed here').slice(0, 500) };
    const { offerDeadlineBlock, deadlineBlock, ...rest } = offer;
    const before = taskOfferSchema.parse(known.offer);
    // Only the window may move: training has begun on everything else.
    if (
      canonicalJson(rest as Json) !==
      canonicalJson({ ...before, offerDeadlineBlock: undefined, deadlineBlock: undefined } as Json)
    ) {
      return { accept: false, reason: 'internal', message: 'this offer differs from the one that was accepted' };
    }
    this.#store.assignments.update(offer.taskId, { offer: { ...before, offerDeadlineBlock, deadlineBlock } });
    return { accept: true };
  }

  onStatus(from: DirectoryEntry, taskId: string): StatusAnswer {
    const assignment = this.#store.assignments.get(taskId);
    if (!assignment || assignment.validator !== from.hotkey) return { state: 'unknown' };
    const job = this.#store.jobs.get(assignment.jobId);
    const progress = progressSchema.safeParse(job?.progress);
    const training = assignment.state === 'queued' && job?.state === 'Running';
    return {
      state: training ? 'training' : assignment.state,
      ...(progress.success ? stripUndefined(progress.data) : {}),
      // Repo and commit are evidence only on-chain; before the deadline the repo is private anyway.
      ...(assignment.message ? { message: assignment.message.slice(0, 500) } : {}),
    };
  }

  /** The task's loss curve from a step on. @throws BadInputError TASK_UNKNOWN. */
  async onCurve(from: DirectoryEntry, { taskId, fromStep }: CurveRequest): Promise<CurveAnswer> {
    const assignment = this.#store.assignments.get(taskId);
    if (!assignment || assignment.validator !== from.hotkey) {
      throw new BadInputError('TASK_UNKNOWN', `this miner has no task ${taskId} of yours`);
    }
    const points = (await this.#worker.curve(assignment.jobId)).filter(({ step }) => step >= fromStep);
    return { points: thinCurve(points, LIMITS.curveAnswerPoints) };
  }

  /** Ends the training of tasks whose deadline block is over: nothing that comes of it could count. */
  dropExpired(head: number): void {
    for (const { taskId, jobId, offer } of this.#store.assignments.list({ states: ['queued'] })) {
      const { deadlineBlock } = taskOfferSchema.parse(offer);
      if (head <= deadlineBlock) continue;
      const why = whyLate(this.#store.jobs.get(jobId));
      this.#store.assignments.update(taskId, {
        state: 'failed',
        message: `training was not done by the deadline block ${deadlineBlock}: ${why}`,
      });
      this.#logger.error(
        { taskId, jobId, deadlineBlock, head, why },
        'the deadline passed before training ended; the task is lost',
      );
      this.#worker.cancel(jobId).catch((error: unknown) => {
        this.#logger.warn({ jobId, error: errorMessage(error) }, 'could not cancel the job');
      });
    }
  }
}

/** How far the training of a lost task came, and its last fault if it had one. */
function whyLate(job: JobRecord | undefined): string {
  if (!job?.startedAt) return 'it had not begun, the queue was too long';
  const { data } = progressSchema.safeParse(job.progress);
  const reached =
    data?.step === undefined ? 'no step was done' : `it was at step ${data.step} of ${data.totalSteps ?? '?'}`;
  return job.error ? `${reached}, after the fault "${job.error.slice(0, 200)}"` : reached;
}

function stripUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
