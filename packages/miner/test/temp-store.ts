import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROMPT_FORMAT, type TaskOffer } from '@tuning/protocol';
import { type MinerStore, openMinerStore } from '@tuning/store';

/** The real store in a folder of its own. */
export async function openTempStore(): Promise<{ store: MinerStore; folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'miner-'));
  const store = await openMinerStore(join(folder, 'miner.sqlite'));
  return {
    store,
    folder,
    remove: async () => {
      store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const hex = (length: number) => 'a'.repeat(length);

/** An offer that every default policy accepts at block 90. */
export const offer: TaskOffer = {
  taskId: hex(16),
  netuid: 2,
  model: { repo: 'demo/tiny', revision: hex(40) },
  dataset: {
    repo: 'v/tuning-x',
    revision: hex(40),
    file: { path: 'data/train.jsonl', sha256: hex(64), bytes: 1_000, rows: 10 },
  },
  datasetType: 'alpaca',
  promptFormat: PROMPT_FORMAT,
  sequenceLen: 128,
  seal: hex(64),
  offerDeadlineBlock: 100,
  deadlineBlock: 200,
  maxModelBytes: 1,
};
