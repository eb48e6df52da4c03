import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBytes, type Logger } from '@tuning/kit';

/** A download that nobody has gone on with for so long never will be. */
export const PARTIAL_MS = 24 * 3_600_000;
/** Configs and templates of models that were only looked at: small, but one for every offer. */
export const FACTS_MS = 30 * 24 * 3_600_000;

const ENTRY = /^(.+@[0-9a-f]{40})\.(full|full\.partial|config|template)$/;
/** What is being deleted; a process that is killed over it leaves it behind. */
const GONE = /\.gone-[0-9a-f-]{36}$/;

/** One folder of the cache. */
interface Entry {
  readonly path: string;
  /** `<repo>@<commit>`, the name that a lease has. */
  readonly model: string;
  readonly isWhole: boolean;
  readonly bytes: number;
  readonly usedAt: number;
}

interface Removal extends Entry {
  readonly why: string;
}

export interface TidyOptions {
  readonly root: string;
  readonly budgetBytes: number;
  /** Bytes that are about to be downloaded. */
  readonly incomingBytes: number;
  /** Bytes that should go whatever the budget says, for want of room on the disk; none do where they would not be enough. */
  readonly wantedBytes: number;
  readonly inUse: ReadonlySet<string>;
  readonly now: number;
  readonly logger: Logger;
}

/**
 * Takes out of a cache what is left over and, least recently used first, what is over its budget; never what is in use. To be
 * called under the cache's lock: each folder leaves by a rename.
 * @returns the renamed folders, which are then deleted without the lock; and whether the rest is within the budget.
 */
export async function takeOut(options: TidyOptions): Promise<{ gone: string[]; isWithin: boolean }> {
  const { root, budgetBytes, incomingBytes, wantedBytes, inUse, now, logger } = options;
  const names = await readdir(root).catch(() => []);
  const gone = names.filter((name) => GONE.test(name)).map((name) => join(root, name));
  const { models, leftOver } = sorted(await entriesOf(root, names), inUse, now);
  let total = incomingBytes + models.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = models.reduce((sum, { model, bytes }) => sum + (inUse.has(model) ? 0 : bytes), 0);
  let wanted = free < wantedBytes ? 0 : wantedBytes;
  const removals = leftOver;
  for (const entry of models) {
    if (total <= budgetBytes && wanted <= 0) break;
    if (inUse.has(entry.model)) continue;
    const why = total > budgetBytes ? 'the cache is over its budget' : 'a job needs the room';
    removals.push({ ...entry, why });
    total -= entry.bytes;
    wanted -= entry.bytes;
  }
  for (const { path, model, bytes, usedAt, why } of removals) {
    const to = `${path}.gone-${randomUUID()}`;
    await rename(path, to);
    gone.push(to);
    logger.info({ model, bytes, lastUse: new Date(usedAt).toISOString(), why }, 'removing a model from the cache');
  }
  if (total > budgetBytes) {
    logger.warn({ bytes: total, budget: budgetBytes }, 'models in use take more disk than the budget of their cache');
  }
  return { gone, isWithin: total <= budgetBytes };
}

/** Whole and begun models, least recently used first, and what has no use any more. */
function sorted(entries: readonly Entry[], inUse: ReadonlySet<string>, now: number) {
  const models: Entry[] = [];
  const leftOver: Removal[] = [];
  for (const entry of entries) {
    const { path, model, isWhole, usedAt } = entry;
    const isPartial = path.endsWith('.partial');
    const age = now - usedAt;
    if (isPartial && age > PARTIAL_MS && !inUse.has(model))
      leftOver.push({ ...entry, why: 'a download that nobody went on with' });
    else if (isWhole || isPartial) models.push(entry);
    else if (age > FACTS_MS && !inUse.has(model)) leftOver.push({ ...entry, why: 'not looked at for long' });
  }
  models.sort((a, b) => a.usedAt - b.usedAt);
  return { models, leftOver };
}

async function entriesOf(root: string, names: readonly string[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of names) {
    const [, model, part] = ENTRY.exec(name) ?? [];
    const path = join(root, name);
    const info = await stat(path).catch(() => undefined);
    if (model === undefined || !info?.isDirectory()) continue;
    entries.push({ path, model, isWhole: part === 'full', bytes: await folderBytes(path), usedAt: info.mtimeMs });
  }
  return entries;
}

export async function deleteGone(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}
