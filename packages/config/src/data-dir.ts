import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NeuronConfig } from './schema.ts';

/** Replaces a leading `~/` by the home folder and makes the path absolute. */
export function expandPath(path: string): string {
  return resolve(path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path);
}

/** Where a daemon keeps its state; one folder per hotkey and subnet unless `data_dir` names one. */
export function dataDirOf(
  daemon: 'miner' | 'validator',
  config: Pick<NeuronConfig, 'data_dir' | 'wallet' | 'netuid'>,
): string {
  if (config.data_dir !== undefined) return expandPath(config.data_dir);
  return join(homedir(), '.tuning', daemon, `${config.wallet.name}-${config.wallet.hotkey}-${config.netuid}`);
}
