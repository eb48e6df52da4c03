import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import type { Logger, Secret } from '@tuning/kit';
import {
  createHttpServer,
  HttpError,
  type LocalFiles,
  type ModelCache,
  Turnstile,
  takeInDataset,
} from '@tuning/neuron';
import { chatTypeOf, type TrainRequest, trainRequestSchema } from '@tuning/protocol';
import type { JobRecord, MinerStore } from '@tuning/store';
import type { TrainingWorker } from '@tuning/training';
import type { FastifyInstance } from 'fastify';
import type { JobNeeds, RoomBook } from './room-book.ts';

export interface MinerApiServices {
  store: MinerStore;
  worker: TrainingWorker;
  models: ModelCache;
  hub: Hub;
  /** Folder for the datasets of orders. */
  intakeFolder: string;
  room: Pick<RoomBook, 'admit' | 'lackFor'>;
  maxModelBytes: number;
  localFiles: LocalFiles;
  apiKey: Secret | undefined;
  logger: Logger;
  signal: AbortSignal;
}

/** Orders that may wait while one is read. */
const MAX_WAITING = 4;

/** `POST /train/`, `GET /train`, `GET` and `DELETE /train/:job_id`, `GET /train/:job_id/curve`. */
export function createMinerApi(services: MinerApiServices): FastifyInstance {
  const { store, worker, models, hub, intakeFolder, room, maxModelBytes } = services;
  const { localFiles, logger, signal } = services;
  const server = createHttpServer({ apiKey: services.apiKey, logger });

  const intake = new Turnstile(MAX_WAITING);

  /** Before anything is downloaded. @throws HttpError 413, 507. */
  const requireRoom = async (needs: JobNeeds): Promise<void> => {
    if (needs.modelBytes > maxModelBytes) {
      const message = `the base model has ${needs.modelBytes} bytes, policy.max_model_gb allows ${maxModelBytes}`;
      throw new HttpError(413, 'MODEL_TOO_LARGE', message);
    }
    const lack = await room.lackFor(needs);
    if (lack) throw new HttpError(507, 'DISK_FULL', lack);
  };

  /** Leaves only the rows as JSON lines. */
  const takeInRows = async (order: TrainRequest, folder: string, rowsFile: string): Promise<number> => {
    const source = join(folder, 'source');
    const { rows } = await takeInDataset(order, hub, { folder: source, rowsFile }, localFiles, { signal });
    await rm(source, { recursive: true, force: true });
    return rows;
  };

  /** Writes the job's row once the size of its rows is known. @throws HttpError 507. */
  const enter = async (id: string, order: TrainRequest, needs: JobNeeds, rowsFile: string): Promise<void> => {
    const payload = { kind: 'own' as const, request: order, model: needs.model, rowsFile, needs };
    const admitted = await room.admit(needs, () =>
      store.jobs.insert({ id, kind: 'own', payload, priority: 0, deadlineBlock: null }),
    );
    if ('lack' in admitted) throw new HttpError(507, 'DISK_FULL', admitted.lack);
  };

  server.post('/train', async (request, reply) => {
    const order = trainRequestSchema.parse(request.body);
    const { model, facts } = await models.survey(order.model, order.model_revision, signal);
    if (chatTypeOf(order.dataset_type)) await models.requireChatTemplate(model, signal);
    const needs = { model, modelBytes: facts.bytes, rowsBytes: 0 };
    await requireRoom(needs);
    const id = `own-${randomUUID()}`;
    const folder = join(intakeFolder, id);
    const rowsFile = join(folder, 'train.jsonl');
    let rows: number;
    try {
      rows = await intake.pass(() => takeInRows(order, folder, rowsFile));
      await enter(id, order, { ...needs, rowsBytes: (await stat(rowsFile)).size }, rowsFile);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    worker.wake();
    logger.info({ jobId: id, model: model.repo, rows }, 'training job enqueued');
    return reply.code(202).send({ message: 'Training job enqueued.', job_id: id });
  });

  server.get('/train', async () => ({ jobs: store.jobs.list({ limit: 100 }).map(describeJob) }));

  server.get<{ Params: { jobId: string } }>('/train/:jobId', async (request, reply) => {
    const job = store.jobs.get(request.params.jobId);
    if (!job) return reply.code(404).send({ job_id: request.params.jobId, status: 'Not Found' });
    return describeJob(job);
  });

  server.get<{ Params: { jobId: string } }>('/train/:jobId/curve', async (request) => {
    const { jobId } = request.params;
    if (!store.jobs.get(jobId)) throw new HttpError(404, 'JOB_NOT_FOUND', `there is no job ${jobId}`);
    return { job_id: jobId, points: await worker.curve(jobId) };
  });

  server.delete<{ Params: { jobId: string } }>('/train/:jobId', async (request) => {
    const job = store.jobs.get(request.params.jobId);
    if (!job) throw new HttpError(404, 'JOB_NOT_FOUND', `there is no job ${request.params.jobId}`);
    await worker.cancel(job.id);
    return describeJob(store.jobs.get(job.id) ?? job);
  });

  return server;
}

function describeJob(job: JobRecord): object {
  return {
    job_id: job.id,
    status: job.state,
    kind: job.kind,
    attempts: job.attempts,
    progress: job.progress,
    result: job.result,
    ...(job.error ? { error: job.error } : {}),
    created_at: job.createdAt,
    started_at: job.startedAt,
    ended_at: job.endedAt,
  };
}
