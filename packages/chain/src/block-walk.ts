import { errorCode, errorMessage, type Logger, sleep } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';

/** Blocks read at the same time while catching up. */
const LOOK_AHEAD = 8;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 15_000;

export interface BlockWalk<T> {
  fromBlock: number;
  /** Resolves when the block is final. */
  waitFor: (number: number, signal: AbortSignal) => Promise<BlockRef>;
  hashOf: (number: number) => Promise<string>;
  /** Reads one finalised block. */
  read: (block: BlockRef) => Promise<T>;
  /**
   * Stands in for blocks whose state the endpoint has dropped: their contents as far as they can still be told, in order,
   * starting with `from`.
   */
  recover: (from: number, head: number) => Promise<{ block: BlockRef; content: T }[]>;
  onBlock: (block: BlockRef, content: T) => Promise<void>;
  signal: AbortSignal;
  logger: Logger;
}

/**
 * Hands every finalised block from `fromBlock` to `onBlock`, in order and without gaps, for as long as it takes: reads
 * that fail are tried again. Resolves when aborted; rejects only with what `onBlock` throws.
 */
export async function walkBlocks<T>(walk: BlockWalk<T>): Promise<void> {
  const { signal, logger } = walk;
  const ahead: Promise<{ block: BlockRef; content: T }>[] = [];
  let next = walk.fromBlock;
  let failures = 0;
  while (!signal.aborted) {
    let ready: { block: BlockRef; content: T }[];
    let head: BlockRef | undefined;
    try {
      head = await walk.waitFor(next, signal);
      while (ahead.length < LOOK_AHEAD && next + ahead.length <= head.number) {
        const reading = readBlock(walk, next + ahead.length);
        reading.catch(() => {});
        ahead.push(reading);
      }
      ready = [await ahead.shift()!];
    } catch (error) {
      ahead.length = 0;
      if (signal.aborted) return;
      const pruned = errorCode(error) === 'CHAIN_STATE_PRUNED' && head !== undefined;
      let failure = error;
      const recovered = pruned
        ? await walk.recover(next, head!.number).catch((second: unknown) => {
            failure = second;
            return [];
          })
        : [];
      if (recovered.length === 0) {
        const context = { block: next, failures: ++failures, error: errorMessage(failure) };
        if (failures === 1) logger.warn(context, 'cannot read a finalised block, trying again');
        else logger.debug(context, 'still cannot read a finalised block');
        await sleep(Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10), LONGEST_BACKOFF_MS), signal).catch(
          () => {},
        );
        continue;
      }
      logger.info(
        { from: next, to: next + recovered.length - 1 },
        'the endpoint has dropped the state of these blocks: they were read from their bodies',
      );
      ready = recovered;
    }
    failures = 0;
    for (const { block, content } of ready) {
      if (signal.aborted) return;
      await walk.onBlock(block, content);
      next = block.number + 1;
    }
  }
}

async function readBlock<T>(walk: BlockWalk<T>, number: number): Promise<{ block: BlockRef; content: T }> {
  const block = { number, hash: await walk.hashOf(number) };
  return { block, content: await walk.read(block) };
}
