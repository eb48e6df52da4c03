import { errorCode, errorMessage, sleep } from '@tuning/kit';
import { type TaskRequest, type TaskState, taskRequestSchema } from '@tuning/protocol';
import { buildReceipt } from './receipt.ts';
import type { ValidatorServices } from './services.ts';
import { evaluateTask } from './stages/evaluating.ts';
import { offerTask } from './stages/offering.ts';
import { prepareTask } from './stages/preparing.ts';
import { followTraining } from './stages/training.ts';
import { TaskSteps } from './task-steps.ts';

type Stage = (services: ValidatorServices, steps: TaskSteps, request: TaskRequest) => Promise<void>;

/** Each state, the work done in it and the state that follows. Weighing belongs to the weight setter. */
const STAGES: Partial<Record<TaskState, { work: Stage; next: TaskState }>> = {
  preparing: { work: prepareTask, next: 'offering' },
  offering: { work: offerTask, next: 'training' },
  training: { work: followTraining, next: 'evaluating' },
  evaluating: {
    work: async (services, steps, request) => {
      await evaluateTask(services, steps, request);
      services.store.receipts.put(steps.taskId, buildReceipt(services, steps, request));
    },
    next: 'weighing',
  },
};

/** Tries of one state after faults that should pass but might not, with growing waits: about two hours together. */
const MAX_TRIES = 60;

/** A repo that was there a moment ago may be there again; one that stays away is final after MAX_TRIES. */
const PASSING_CODES = new Set([
  'HUB_REPO_NOT_FOUND',
  'HUB_REVISION_NOT_FOUND',
  'HUB_FILE_NOT_FOUND',
  'HUB_HASH_MISMATCH',
]);
/** Not the order's fault: hub, chain or our own token. The task waits for as long as it takes. */
const OUTAGES = new Set(['TransientError', 'ChainError', 'OperatorError']);

/** Carries every task that has not ended through its states; each may be killed anywhere and is taken up again. */
export class TaskRunner {
  readonly #services: ValidatorServices;
  readonly #running = new Map<string, Promise<void>>();

  constructor(services: ValidatorServices) {
    this.#services = services;
  }

  resume(): void {
    const open = this.#services.store.tasks.list({ states: ['preparing', 'offering', 'training', 'evaluating'] });
    for (const { id } of open) this.start(id);
  }

  start(taskId: string): void {
    if (this.#running.has(taskId)) return;
    this.#running.set(
      taskId,
      this.#carry(taskId).finally(() => this.#running.delete(taskId)),
    );
  }

  async settle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #carry(taskId: string): Promise<void> {
    const { store, signal, logger } = this.#services;
    const steps = new TaskSteps(store.steps, taskId);
    let tries = 0;
    while (!signal.aborted) {
      const task = store.tasks.get(taskId);
      const stage = task ? STAGES[task.state] : undefined;
      if (!task || !stage) return;
      try {
        await stage.work(this.#services, steps, taskRequestSchema.parse(task.request));
        store.tasks.advance(taskId, task.state, stage.next);
        logger.info({ taskId, from: task.state, to: stage.next }, 'task moved on');
        tries = 0;
      } catch (error) {
        if (signal.aborted) return;
        tries += 1;
        if (isFinal(error, tries)) {
          store.tasks.fail(taskId, errorCode(error) ?? 'INTERNAL', errorMessage(error));
          logger.error(
            { taskId, state: task.state, code: errorCode(error), error: errorMessage(error) },
            'task failed',
          );
          return;
        }
        logger.warn(
          { taskId, state: task.state, tries, code: errorCode(error), error: errorMessage(error) },
          'task step will be tried again',
        );
        await sleep(Math.min(120_000, 1_000 * 1.5 ** tries), signal).catch(() => {});
      }
    }
  }
}

function isFinal(error: unknown, tries: number): boolean {
  const name = (error as Error | undefined)?.name ?? '';
  if (OUTAGES.has(name)) return false;
  const wrongOrder = (name === 'BadInputError' || name === 'TuningError') && !PASSING_CODES.has(errorCode(error) ?? '');
  return wrongOrder || tries >= MAX_TRIES;
}
