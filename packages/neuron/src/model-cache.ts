import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import { BadInputError, isDiskFull, pathExists } from '@tuning/kit';
import { hasChatTemplate, modelTensors, readModelConfig } from '@tuning/llm';
import { LIMITS } from '@tuning/protocol';

/** Files of a base model that training and evaluation read. Weights are safetensors or nothing. */
const BASE_FILES =
  /^(config\.json|generation_config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|special_tokens_map\.json|model[\w.-]*\.safetensors|model\.safetensors\.index\.json)$/;

const TEMPLATE_FILES = ['tokenizer_config.json', 'chat_template.jinja'];

export interface BaseModel {
  repo: string;
  /** 40-hex commit. */
  revision: string;
}

export interface ModelFacts {
  /** Of the files that training needs. */
  readonly bytes: number;
  readonly parameters: number;
  /** Whether they are on this disk. */
  readonly cached: boolean;
}

/** Base models on disk, one folder per repo and commit, shared by all jobs of a daemon. */
export class ModelCache {
  readonly #hub: Hub;
  readonly #root: string;
  readonly #maxBytes: number;
  readonly #busy = new Map<string, Promise<string>>();

  constructor(hub: Hub, root: string, maxBytes: number) {
    this.#hub = hub;
    this.#root = root;
    this.#maxBytes = maxBytes;
  }

  /**
   * Resolves a model to a commit and checks that its architecture is one we can train and measure, by its config alone.
   * @throws BadInputError HUB_REPO_NOT_FOUND, MODEL_INCOMPLETE, MODEL_UNSUPPORTED.
   */
  async check(repo: string, revision: string | undefined, signal?: AbortSignal): Promise<BaseModel> {
    const options = signal ? { signal } : {};
    const resolved = await this.#hub.resolve({ type: 'model', repo, ...(revision ? { revision } : {}) }, options);
    const model = { repo, revision: resolved.revision };
    const folder = this.#folder(model, 'config');
    if (!(await pathExists(join(folder, 'config.json')))) {
      await mkdir(this.#root, { recursive: true });
      const limits = { maxBytes: LIMITS.jsonFileBytes, maxFiles: 1 };
      const files = await this.#hub.download(
        { type: 'model', ...model, to: folder, limits, accept: (path) => path === 'config.json' },
        options,
      );
      if (files.length === 0) throw incomplete(model, 'config.json');
    }
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
    const files = await this.#hub.list({ type: 'model', ...model }, signal ? { signal } : {});
    const bytes = files.reduce((sum, { path, size }) => sum + (BASE_FILES.test(path) ? size : 0), 0);
    const shapes = [...modelTensors(config).values()];
    const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((product, side) => product * side, 1), 0);
    return { model, facts: { bytes, parameters, cached: await pathExists(this.#folder(model, 'full')) } };
  }

  /**
   * Refuses a model without a chat template, which rows that are conversations need, before anything is paid for.
   * @throws BadInputError CHAT_TEMPLATE_MISSING, HUB_REPO_NOT_FOUND.
   */
  async requireChatTemplate(model: BaseModel, signal?: AbortSignal): Promise<void> {
    const folder = this.#folder(model, 'template');
    await mkdir(this.#root, { recursive: true });
    const limits = { maxBytes: 2 * LIMITS.jsonFileBytes, maxFiles: 2 };
    const accept = (path: string) => TEMPLATE_FILES.includes(path);
    await this.#hub.download({ type: 'model', ...model, to: folder, limits, accept }, signal ? { signal } : {});
    if (await hasChatTemplate(folder)) return;
    throw new BadInputError(
      'CHAT_TEMPLATE_MISSING',
      `${model.repo}@${model.revision.slice(0, 8)} has no chat template, which a dataset of conversations needs: use an instruct model or another dataset type`,
    );
  }

  /** The folder with the model's files; downloads them once. */
  fetch(model: BaseModel, signal?: AbortSignal): Promise<string> {
    const folder = this.#folder(model, 'full');
    const running =
      this.#busy.get(folder) ?? this.#download(model, folder, signal).finally(() => this.#busy.delete(folder));
    this.#busy.set(folder, running);
    return running;
  }

  async #download(model: BaseModel, folder: string, signal?: AbortSignal): Promise<string> {
    if (await pathExists(folder)) return folder;
    const partial = `${folder}.partial`;
    // What an earlier life left in it is gone on with: the commit is the same.
    await mkdir(this.#root, { recursive: true });
    try {
      await this.#downloadTo(partial, model, signal);
    } catch (error) {
      // The next try goes on with what came; but a full disk would stay full, and a model that is refused is not asked for again.
      const goesOn = signal?.aborted || (error as Error).name === 'TransientError';
      if (!goesOn || isDiskFull(error)) await rm(partial, { recursive: true, force: true });
      throw error;
    }
    await rename(partial, folder);
    return folder;
  }

  async #downloadTo(partial: string, model: BaseModel, signal: AbortSignal | undefined): Promise<void> {
    const files = await this.#hub.download(
      {
        type: 'model',
        ...model,
        to: partial,
        limits: { maxBytes: this.#maxBytes, maxFiles: LIMITS.submissionFiles },
        accept: (path) => BASE_FILES.test(path),
      },
      signal ? { signal } : {},
    );
    const names = files.map(({ path }) => path);
    for (const needed of ['config.json', 'tokenizer.json'])
      if (!names.includes(needed)) throw incomplete(model, needed);
    if (!names.some((name) => name.endsWith('.safetensors'))) throw incomplete(model, 'model.safetensors');
    await readModelConfig(partial);
  }

  #folder({ repo, revision }: BaseModel, part: 'config' | 'template' | 'full'): string {
    return join(this.#root, `${repo.replace('/', '--')}@${revision}.${part}`);
  }
}

function incomplete(model: BaseModel, file: string): BadInputError {
  return new BadInputError(
    'MODEL_INCOMPLETE',
    `${model.repo}@${model.revision.slice(0, 8)} has no ${file}: only models with safetensors weights can be used`,
  );
}

/** Text of a small file, or undefined where it is absent. */
export async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
