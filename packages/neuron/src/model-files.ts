import { join } from 'node:path';
import type { Hub, HubFile } from '@tuning/hub';
import { BadInputError, pathExists } from '@tuning/kit';
import { readModelConfig } from '@tuning/llm';
import { LIMITS } from '@tuning/protocol';

/** Files of a base model that training and evaluation read. Weights are safetensors or nothing. */
const BASE_FILES =
  /^(config\.json|generation_config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|special_tokens_map\.json|model[\w.-]*\.safetensors|model\.safetensors\.index\.json)$/;

export interface BaseModel {
  repo: string;
  /** 40-hex commit. */
  revision: string;
}

/** `namespace--name@commit`: what a model is called in a cache. */
export const entryName = ({ repo, revision }: BaseModel): string => `${repo.replace('/', '--')}@${revision}`;

/** Bytes of the files that would be downloaded. */
export function baseBytes(files: readonly HubFile[]): number {
  return files.reduce((sum, { path, size }) => sum + (BASE_FILES.test(path) ? size : 0), 0);
}

/** @throws BadInputError MODEL_INCOMPLETE, MODEL_UNSUPPORTED, and what the hub's download throws. */
export async function downloadBase(
  hub: Hub,
  model: BaseModel,
  to: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const limits = { maxBytes, maxFiles: LIMITS.submissionFiles };
  const accept = (path: string) => BASE_FILES.test(path);
  const files = await hub.download({ type: 'model', ...model, to, limits, accept }, signal ? { signal } : {});
  const names = files.map(({ path }) => path);
  for (const needed of ['config.json', 'tokenizer.json']) if (!names.includes(needed)) throw incomplete(model, needed);
  if (!names.some((name) => name.endsWith('.safetensors'))) throw incomplete(model, 'model.safetensors');
  await readModelConfig(to);
}

/** Brings a model's config.json, and nothing else, into a folder where it is not there yet. @throws BadInputError MODEL_INCOMPLETE. */
export async function downloadConfig(hub: Hub, model: BaseModel, to: string, signal?: AbortSignal): Promise<void> {
  if (await pathExists(join(to, 'config.json'))) return;
  const limits = { maxBytes: LIMITS.jsonFileBytes, maxFiles: 1 };
  const accept = (path: string) => path === 'config.json';
  const files = await hub.download({ type: 'model', ...model, to, limits, accept }, signal ? { signal } : {});
  if (files.length === 0) throw incomplete(model, 'config.json');
}

function incomplete(model: BaseModel, file: string): BadInputError {
  return new BadInputError(
    'MODEL_INCOMPLETE',
    `${model.repo}@${model.revision.slice(0, 8)} has no ${file}: only models with safetensors weights can be used`,
  );
}
