import { isTuningError, type Logger, TransientError } from '@tuning/kit';
import { z } from 'zod';
import { headerOf } from './block-header.ts';
import type { BlockRef } from './block-ref.ts';
import { type ChainError, dispatchFailure } from './chain-error.ts';
import { parseValue } from './chain-values.ts';
import type { Connection } from './connection.ts';
import { type ChainEvent, readEvents } from './events.ts';
import type { FinalisedHeads } from './finalised-heads.ts';
import { orAborted } from './or-aborted.ts';
import type { Session } from './session.ts';
import { offer, type SignedTransaction, type Watch } from './transaction-watch.ts';

export interface FateContext {
  connection: Connection;
  heads: FinalisedHeads;
  logger: Logger;
}

/** The pool has it, or had it a short while ago: the blocks will tell. */
const KNOWN = new Set(['ALREADY_IMPORTED', 'TEMPORARILY_BANNED', 'PRIORITY_TOO_LOW', 'IMMEDIATELY_DROPPED']);

/** A pool that takes a transaction and throws it out again this often will not include it. */
const MAX_REFUSALS = 3;

/**
 * The finalised block that holds the transaction: told by the node's watch or, when that is lost, found in the blocks. A
 * transaction that is in none yet is offered again: the same bytes have one nonce and can run only once.
 * @param onIncluded called once it is in a block.
 * @throws TransientError `TRANSACTION_NOT_INCLUDED`; ChainError.
 */
export async function finalBlock(
  { connection, heads, logger }: FateContext,
  transaction: SignedTransaction,
  firstWatch: Watch,
  onIncluded: () => void,
  signal: AbortSignal,
): Promise<BlockRef> {
  const { name, hex, birth, last } = transaction;
  let watch: Watch | undefined = firstWatch;
  let refusals = 0;
  let verdict: { error: Error; until: number } | undefined;
  for (let next = birth + 1; ; ) {
    if (watch) {
      void watch.included.then(onIncluded);
      const end = await untilEraEnds(watch, heads, last, signal).finally(watch.stop);
      if (end.kind === 'final') return noteFinal(connection, heads, end.hash, signal);
      if (end.kind === 'refused' && ++refusals >= MAX_REFUSALS) {
        throw notIncluded(`${name} left the pool without being included (${end.status})`);
      }
      // The pool does not say why; offering it again does.
      logger.info({ call: name, nonce: transaction.nonce }, 'lost sight of a transaction, looking for it');
      watch = undefined;
    }
    for (; next <= Math.min(heads.head.number, last); next++) {
      const block = { number: next, hash: await heads.hashOf(next, { signal }) };
      if ((await extrinsicsOf(connection, block, signal)).includes(hex)) return block;
    }
    if (next > last) throw notIncluded(`${name} is in none of the blocks ${birth + 1} to ${last} and can no longer be`);
    if (verdict && next > verdict.until) throw verdict.error;
    if (!verdict) {
      const session = await orAborted(connection.session(), signal);
      const answer = await offer(session, transaction, signal);
      if (answer.kind === 'taken') {
        watch = answer.watch;
        continue;
      }
      if (answer.kind === 'refused' && !KNOWN.has(answer.refusal.code)) {
        // It may be in a block that is not final yet, whose state is the very reason of the refusal.
        const until = await bestNumber(connection, signal);
        verdict = { error: verdictOf(transaction, answer.refusal, session), until };
        continue;
      }
    }
    await heads.waitFor(next, { signal });
  }
}

/** How a watch ends; one that says nothing until the transaction can be in no block any more is as good as lost. */
async function untilEraEnds(
  watch: Watch,
  heads: FinalisedHeads,
  last: number,
  signal: AbortSignal,
): Promise<Awaited<Watch['ended']>> {
  const done = new AbortController();
  const over = heads.waitFor(last + 1, { signal: done.signal }).then(() => ({ kind: 'lost' }) as const);
  over.catch(() => {});
  try {
    return await orAborted(Promise.race([watch.ended, over]), signal);
  } finally {
    done.abort();
  }
}

/** What a refusal of bytes that the pool may have taken before means, once they are found in no block. */
function verdictOf({ name, specVersion }: SignedTransaction, refusal: ChainError, session: Session): Error {
  if (refusal.code === 'STALE') return notIncluded(`${name}: another transaction of the account has used its nonce`);
  const outdated = refusal.code === 'BAD_PROOF' && session.specVersion !== specVersion;
  if (outdated) return notIncluded(`${name} was signed for version ${specVersion} of the runtime`, { outdated });
  if (refusal.code === 'ANCIENT_BIRTH_BLOCK') return notIncluded(`${name} has grown too old`);
  return refusal;
}

/** Whether a transaction was not included because the runtime was upgraded meanwhile. */
export function isOutdated(error: unknown): boolean {
  return isTuningError(error) && error.details['outdated'] === true;
}

/** The transaction's own events. @throws ChainError when it failed in the block. */
export async function outcome(
  { connection }: FateContext,
  block: BlockRef,
  { hex, name }: SignedTransaction,
  signal: AbortSignal,
): Promise<{ block: BlockRef; events: ChainEvent[] }> {
  const index = (await extrinsicsOf(connection, block, signal)).indexOf(hex);
  if (index < 0) {
    throw new TransientError(
      'TRANSACTION_OUTCOME_UNKNOWN',
      `the node says that ${name} is in block ${block.number}, but it is not there: read the chain before sending it again`,
    );
  }
  const all = await connection.run(`the events of block ${block.number}`, (s) => readEvents(s, block.hash), { signal });
  const events = all.filter((event) => event.extrinsic === index);
  const failure = events.find((event) => event.failure)?.failure;
  if (failure) throw dispatchFailure(failure, name, block.number);
  return { block, events };
}

/** The block of a hash that the node calls final, once the finalised chain that we follow has it. */
async function noteFinal(
  connection: Connection,
  heads: FinalisedHeads,
  hash: string,
  signal: AbortSignal,
): Promise<BlockRef> {
  const { number } = await connection.run(
    'a block header',
    async ({ socket }) => headerOf(await socket.request('chain_getHeader', [hash])),
    { signal },
  );
  await heads.waitFor(number, { signal });
  if ((await heads.hashOf(number, { signal })) === hash) return { number, hash };
  throw new TransientError(
    'TRANSACTION_OUTCOME_UNKNOWN',
    `the node says that block ${hash} is final, but the finalised chain has another block ${number}: read the chain before sending again`,
  );
}

const blockSchema = z.looseObject({ block: z.looseObject({ extrinsics: z.array(z.string()) }) });

async function extrinsicsOf(
  connection: Connection,
  { number, hash }: BlockRef,
  signal: AbortSignal,
): Promise<string[]> {
  const block = await connection.run(`block ${number}`, (session) => session.socket.request('chain_getBlock', [hash]), {
    signal,
  });
  return parseValue(blockSchema, block, 'block').block.extrinsics;
}

function notIncluded(what: string, details: Record<string, unknown> = {}): TransientError {
  return new TransientError('TRANSACTION_NOT_INCLUDED', `${what}: it may be sent again`, { details });
}

async function bestNumber(connection: Connection, signal: AbortSignal): Promise<number> {
  const read = async ({ socket }: Session) => headerOf(await socket.request('chain_getHeader', [])).number;
  return connection.run('the newest block', read, { signal });
}
