import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import { BadInputError, errorMessage, folderBytes, isDiskFull, type Logger, pathExists } from '@tuning/kit';
import { hasChatTemplate, modelTensors, readModelConfig } from '@tuning/llm';
import { LIMITS } from '@tuning/protocol';
import { CacheLeases, touch } from './cache-lease.ts';
import { CacheLock } from './cache-lock.ts';
import { deleteGone, takeOut } from './cache-tidy.ts';
import { type BaseModel, baseBytes, downloadBase, downloadConfig, entryName } from './model-files.ts';

const TEMPLATE_FILES = ['tokenizer_config.json', 'chat_template.jinja'];

export interface ModelFacts {
  /** Of the files that training needs. */
  readonly bytes: number;
  readonly parameters: number;
}

export interface ModelCacheOptions {
  /** Of one model. */
  maxModelBytes: number;
  /** Of all models together. Those in use stay even where they are more. */
  budgetBytes: number;
  /** Models that are about to be used: they stay like those in use. */
  wanted?: () => readonly BaseModel[];
  logger: Logger;
}

/** Base models on disk, one folder per repo and commit, shared by all jobs of a daemon, and by daemons. */
export class ModelCache {
  readonly #hub: Hub;
  readonly #root: string;
  readonly #options: ModelCacheOptions;
  readonly #leases: CacheLeases;
  readonly #lock: CacheLock;
  readonly #busy = new Map<string, Promise<void>>();
  /** Models in use kept the cache from coming within its budget. */
  #isOver = false;

  constructor(hub: Hub, root: string, options: ModelCacheOptions) {
    this.#hub = hub;
    this.#root = root;
    this.#options = options;
    this.#leases = new CacheLeases(root);
    this.#lock = new CacheLock(root);
  }

  /**
   * Resolves a model to a commit and checks that its architecture is one we can train and measure, by its config alone.
   * @throws BadInputError HUB_REPO_NOT_FOUND, MODEL_INCOMPLETE, MODEL_UNSUPPORTED.
   */
  async check(repo: string, revision: string | undefined, signal?: AbortSignal): Promise<BaseModel> {
    const wanted = { type: 'model' as const, repo, ...(revision ? { revision } : {}) };
    const resolved = await this.#hub.resolve(wanted, signal ? { signal } : {});
    const model = { repo, revision: resolved.revision };
    const folder = this.#folder(model, 'config');
    await mkdir(this.#root, { recursive: true });
    await touch(folder);
    await downloadConfig(this.#hub, model, folder, signal);
    await readModelConfig(folder);
    return model;
  }

  /**
   * What a model is, from its config and the hub's file list: nothing but the config is downloaded.
   * @throws BadInputError as `check`, and HUB_REVISION_NOT_FOUND.
   */
  async survey(
    repo: string,
    revision: string | undefined,
    signal?: AbortSignal,
  ): Promise<{ model: BaseModel; facts: ModelFacts }> {
    const model = await this.check(repo, revision, signal);
    const config = await readModelConfig(this.#folder(model, 'config'));
    const bytes = await this.#bytesOf(model, signal);
    const shapes = [...modelTensors(config).values()];
    const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((product, side) => product * side, 1), 0);
    return { model, facts: { bytes, parameters } };
  }

  /**
   * Refuses a model without a chat template, which rows that are conversations need, before anything is paid for.
   * @throws BadInputError CHAT_TEMPLATE_MISSING, HUB_REPO_NOT_FOUND.
   */
  async requireChatTemplate(model: BaseModel, signal?: AbortSignal): Promise<void> {
    const folder = this.#folder(model, 'template');
    await mkdir(this.#root, { recursive: true });
    await touch(folder);
    const limits = { maxBytes: 2 * LIMITS.jsonFileBytes, maxFiles: 2 };
    const accept = (path: string) => TEMPLATE_FILES.includes(path);
    await this.#hub.download({ type: 'model', ...model, to: folder, limits, accept }, signal ? { signal } : {});
    if (await hasChatTemplate(folder)) return;
    throw new BadInputError(
      'CHAT_TEMPLATE_MISSING',
      `${model.repo}@${model.revision.slice(0, 8)} has no chat template, which a dataset of conversations needs: use an instruct model or another dataset type`,
    );
  }

  /**
   * Works with the folder of a model's files, which are downloaded where they are not there yet. Until the work is over the
   * folder stays; where this process is killed over it, another day, since a job that it started may go on.
   */
  async use<T>(model: BaseModel, work: (folder: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const folder = this.#folder(model, 'full');
    const giveBack = await this.#lock.run(() => this.#leases.take(entryName(model)));
    try {
      await this.#present(model, folder, signal);
      await touch(folder);
      return await work(folder);
    } finally {
      await touch(folder);
      await giveBack();
      if (this.#isOver) await this.tidy();
    }
  }

  /** Bytes of a model that are on this disk already, whole or begun. */
  async heldBytes(model: BaseModel): Promise<number> {
    const folder = this.#folder(model, 'full');
    return (await folderBytes(folder)) || (await folderBytes(`${folder}.partial`));
  }

  /**
   * Removes what killed processes left behind, and models that are not in use, the least recently used first: as many as the
   * budget asks for, and as many as `wantedBytes` take; not `keep`. A fault is told and costs nothing else.
   */
  async tidy(options: { incomingBytes?: number; wantedBytes?: number; keep?: BaseModel } = {}): Promise<void> {
    const { budgetBytes, logger, wanted = () => [] } = this.#options;
    const { incomingBytes = 0, wantedBytes = 0, keep } = options;
    try {
      const { gone, isWithin } = await this.#lock.run(async () => {
        const [inUse, now] = [await this.#leases.inUse(), Date.now()];
        for (const model of [...wanted(), ...(keep ? [keep] : [])]) inUse.add(entryName(model));
        return takeOut({ root: this.#root, budgetBytes, incomingBytes, wantedBytes, inUse, now, logger });
      });
      this.#isOver = !isWithin;
      await deleteGone(gone);
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, 'cannot tidy the cache of models');
    }
  }

  /** Downloads a model once, however many ask for it. */
  async #present(model: BaseModel, folder: string, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      // The failure of another job's download may be its own end only: ours tries itself.
      await this.#busy.get(folder)?.catch(() => {});
      signal?.throwIfAborted();
      if (await pathExists(folder)) return;
      if (!this.#busy.has(folder)) break;
    }
    const download = this.#download(model, folder, signal).finally(() => this.#busy.delete(folder));
    this.#busy.set(folder, download);
    await download;
  }

  async #download(model: BaseModel, folder: string, signal?: AbortSignal): Promise<void> {
    const partial = `${folder}.partial`;
    const missing = Math.max(0, (await this.#bytesOf(model, signal)) - (await folderBytes(partial)));
    await this.tidy({ incomingBytes: missing });
    // What an earlier life left in it is gone on with: the commit is the same.
    await touch(partial);
    try {
      await downloadBase(this.#hub, model, partial, this.#options.maxModelBytes, signal);
      await rename(partial, folder);
    } catch (error) {
      // Another daemon was faster.
      if (await pathExists(folder)) return;
      // The next try goes on with what came; but a full disk would stay full, and a model that is refused is not asked for again.
      const goesOn = signal?.aborted || (error as Error).name === 'TransientError';
      if (!goesOn || isDiskFull(error)) await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  async #bytesOf(model: BaseModel, signal: AbortSignal | undefined): Promise<number> {
    return baseBytes(await this.#hub.list({ type: 'model', ...model }, signal ? { signal } : {}));
  }

  #folder(model: BaseModel, part: 'config' | 'template' | 'full'): string {
    return join(this.#root, `${entryName(model)}.${part}`);
  }
}
