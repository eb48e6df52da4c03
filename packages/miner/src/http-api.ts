import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import { freeBytes, type Logger, type Secret } from '@tuning/kit';
import {
  createHttpServer,
  HttpError,
  type LocalFiles,
  type ModelCache,
  type ModelFacts,
  Turnstile,
  takeInDataset,
} from '@tuning/neuron';
import { type TrainRequest, trainRequestSchema } from '@tuning/protocol';
import type { JobRecord, MinerStore } from '@tuning/store';
import type { TrainingWorker } from '@tuning/training';
import type { FastifyInstance } from 'fastify';
import { bytesOfJob, lackOfRoom } from './disk-room.ts';

export interface MinerApiServices {
  store: MinerStore;
  worker: TrainingWorker;
  models: ModelCache;
  hub: Hub;
  /** Folder for the datasets of orders. */
  intakeFolder: string;
  /** Where jobs are kept, for the room on its disk. */
  dataFolder: string;
  /** The recipe trains an adapter, not every weight. */
  adapter: boolean;
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
  const { store, worker, models, hub, intakeFolder, dataFolder, adapter, maxModelBytes } = services;
  const { localFiles, logger, signal } = services;
  const server = createHttpServer({ apiKey: services.apiKey, logger });

  const intake = new Turnstile(MAX_WAITING);

  /** Twice: before anything is downloaded, and once the size of the rows is known. @throws HttpError 413, 507. */
  const requireRoom = async (facts: ModelFacts, rowsBytes: number): Promise<void> => {
    if (facts.bytes > maxModelBytes) {
      const message = `the base model has ${facts.bytes} bytes, policy.max_model_gb allows ${maxModelBytes}`;
      throw new HttpError(413, 'MODEL_TOO_LARGE', message);
    }
    const neededBytes = bytesOfJob({ model: facts, rowsBytes, adapter });
    const lack = lackOfRoom({ neededBytes, freeBytes: await freeBytes(dataFolder) }, dataFolder);
    if (lack) throw new HttpError(507, 'DISK_FULL', lack);
  };

  /** Leaves only the rows as JSON lines. */
  const takeInRows = async (
    order: TrainRequest,
    facts: ModelFacts,
    folder: string,
    rowsFile: string,
  ): Promise<number> => {
    const source = join(folder, 'source');
    const { rows } = await takeInDataset(order, hub, { folder: source, rowsFile }, localFiles, { signal });
    await requireRoom(facts, (await stat(rowsFile)).size);
    await rm(source, { recursive: true, force: true });
    return rows;
  };

  server.post('/train', async (request, reply) => {
    const order = trainRequestSchema.parse(request.body);
    const { model, facts } = await models.survey(order.model, order.model_revision, signal);
    await requireRoom(facts, 0);
    const id = `own-${randomUUID()}`;
    const folder = join(intakeFolder, id);
    const rowsFile = join(folder, 'train.jsonl');
    const rows = await intake
      .pass(() => takeInRows(order, facts, folder, rowsFile))
      .catch(async (error: unknown) => {
        await rm(folder, { recursive: true, force: true });
        throw error;
      });
    store.jobs.insert({
      id,
      kind: 'own',
      payload: { kind: 'own', request: order, model, rowsFile },
      priority: 0,
      deadlineBlock: null,
    });
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
