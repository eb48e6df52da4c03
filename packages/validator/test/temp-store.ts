import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskState } from '@tuning/protocol';
import { openValidatorStore, type ValidatorStore } from '@tuning/store';

/** The real store in a folder of its own. */
export async function openTempStore(): Promise<{ store: ValidatorStore; folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'validator-'));
  const store = await openValidatorStore(join(folder, 'validator.sqlite'));
  return {
    store,
    folder,
    remove: async () => {
      store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The request of every task here; `group_size` and the blocks come from the configuration. */
export const request = {
  dataset: 'customer/rows',
  model: 'demo/tiny',
  dataset_type: 'alpaca' as const,
  file_format: 'hf' as const,
};

/** A task in a given state. */
export function insertTask(store: ValidatorStore, id: string, state: TaskState): void {
  store.tasks.insert({ id, request });
  if (state !== 'preparing') store.tasks.advance(id, 'preparing', state);
}
