import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName, modelPrefix } from '../config/tensors.ts';
import type { TensorStore } from './file.ts';
import { openSafetensors } from './folder.ts';

/**
 * The weights of a model folder under the names that the model's class has for them. Checkpoints of the bare model
 * (GPT-2's own among them) lack the prefix of all but the head, and transformers adds it: so where the embedding is there
 * without it only, every tensor but the head gets it.
 * @throws as `openSafetensors`.
 */
export async function openModelWeights(config: ModelConfig, dir: string): Promise<TensorStore> {
  const store = await openSafetensors(dir);
  const prefix = modelPrefix(config);
  const embedding = embeddingName(config);
  if (store.entries.has(embedding) || !store.entries.has(embedding.slice(prefix.length))) return store;
  const head = headName(config);
  const storedName = (name: string) => (name !== head && name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const entries = [...store.entries.values()].map((entry) => {
    const name = entry.name === head ? head : `${prefix}${entry.name}`;
    return [name, { ...entry, name }] as const;
  });
  return {
    entries: new Map(entries),
    read: (name) => store.read(storedName(name)),
    locate: (name) => store.locate(storedName(name)),
    close: () => store.close(),
  };
}
