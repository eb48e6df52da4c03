import { createReadStream } from 'node:fs';
import type { Secret } from '@tuning/kit';
import { createHttpServer, HttpError, Turnstile } from '@tuning/neuron';
import { evaluateRequestSchema, type TaskState, taskRequestSchema } from '@tuning/protocol';
import type { FastifyInstance } from 'fastify';
import { evaluateOnce } from './evaluate-once.ts';
import type { ValidatorServices } from './services.ts';
import { taskFolder } from './task-folder.ts';
import { takeInTask } from './task-intake.ts';
import type { TaskRunner } from './task-runner.ts';
import { describeTask } from './task-view.ts';

/** Tasks that are carried at once; each costs a dataset, offers and evaluations. */
const MAX_OPEN_TASKS = 8;
const OPEN_STATES: readonly TaskState[] = ['preparing', 'offering', 'training', 'evaluating', 'weighing'];
/** Orders that may wait while one is read. */
const MAX_WAITING = 4;

/** `POST /tasks`, `GET /tasks`, `GET /tasks/:id`, `GET /tasks/:id/receipt`, `GET /tasks/:id/synthetic`, `POST /evaluate/`. */
export function createValidatorApi(
  services: ValidatorServices,
  runner: TaskRunner,
  apiKey: Secret | undefined,
): FastifyInstance {
  const server = createHttpServer({ apiKey, logger: services.logger });
  const { store, signal } = services;
  const intake = new Turnstile(MAX_WAITING);

  const taskOf = (id: string) => {
    const task = store.tasks.get(id);
    if (!task) throw new HttpError(404, 'TASK_NOT_FOUND', `there is no task ${id}`);
    return task;
  };

  server.post('/tasks', async (request, reply) => {
    const order = taskRequestSchema.parse(request.body);
    const open = store.tasks.list({ states: OPEN_STATES }).length;
    if (open >= MAX_OPEN_TASKS)
      throw new HttpError(429, 'TOO_MANY_TASKS', `${open} tasks are open; wait for one to end`);
    const taskId = await intake.pass(() => takeInTask(services, order));
    runner.start(taskId);
    services.logger.info({ taskId }, 'task accepted');
    return reply.code(202).send({ message: 'Task accepted.', task_id: taskId });
  });

  server.get('/tasks', async () => ({
    tasks: store.tasks
      .list({ limit: 100, order: 'newest' })
      .map(({ id, state, createdAt }) => ({ task_id: id, state, created_at: createdAt })),
  }));

  server.get<{ Params: { id: string } }>('/tasks/:id', async (request) =>
    describeTask(services, taskOf(request.params.id)),
  );

  server.get<{ Params: { id: string } }>('/tasks/:id/receipt', async (request) => {
    const task = taskOf(request.params.id);
    const receipt = store.receipts.get(task.id);
    if (!receipt)
      throw new HttpError(
        409,
        'RECEIPT_NOT_READY',
        `task ${task.id} is ${task.state}; its receipt is written after the evaluation`,
      );
    return receipt;
  });

  // With the receipt out nothing is secret any more; what a language model wrote can be checked by no seed.
  server.get<{ Params: { id: string } }>('/tasks/:id/synthetic', async (request, reply) => {
    const task = taskOf(request.params.id);
    if (!store.receipts.get(task.id)) {
      throw new HttpError(
        409,
        'SYNTHETIC_SECRET',
        `the synthetic rows of task ${task.id} are secret until its receipt`,
      );
    }
    return reply.type('application/jsonl').send(createReadStream(taskFolder(services.folder, task.id).synthetic));
  });

  server.post('/evaluate', async (request) => {
    const order = evaluateRequestSchema.parse(request.body);
    const gone = new AbortController();
    request.raw.socket.once('close', () => gone.abort(new Error('the caller hung up')));
    return intake.pass(() => evaluateOnce(services, order, AbortSignal.any([signal, gone.signal])));
  });

  return server;
}
