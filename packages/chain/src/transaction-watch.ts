import { TransientError } from '@tuning/kit';
import { z } from 'zod';
import { type ChainError, poolRejection } from './chain-error.ts';
import { orAborted } from './or-aborted.ts';
import { RpcError } from './rpc-socket.ts';
import type { Session } from './session.ts';

export interface SignedTransaction {
  /** `pallet.call`, for messages. */
  name: string;
  /** The bytes as they are sent, and as they stand in a block. */
  hex: string;
  nonce: number;
  /** The runtime that it is signed for: no other takes it. */
  specVersion: number;
  /** It can be in a block above `birth` and up to `last` only. */
  birth: number;
  last: number;
}

export type WatchEnd =
  | { kind: 'final'; hash: string }
  /** It can not be included any more. */
  | { kind: 'refused'; status: string }
  /** The node no longer tells: look in the blocks. */
  | { kind: 'lost' };

export interface Watch {
  /** Never rejects. */
  readonly ended: Promise<WatchEnd>;
  /** Resolves when the transaction is in a block; never when the watch ends before. */
  readonly included: Promise<void>;
  stop(): void;
}

/** `TransactionStatus` of the SDK's author_submitAndWatchExtrinsic: a word, or an object with one key. */
const statusSchema = z.union([z.string(), z.record(z.string(), z.unknown())]);

export const LOST_WATCH: Watch = {
  ended: Promise.resolve({ kind: 'lost' }),
  included: new Promise(() => {}),
  stop() {},
};

export type OfferAnswer =
  | { kind: 'taken'; watch: Watch }
  | { kind: 'refused'; refusal: ChainError }
  /** The connection ended before the answer: the node may or may not have it. */
  | { kind: 'lost' };

/** Submits a transaction to the pool. @throws TransientError `CHAIN_RPC_ERROR`; the signal's reason. */
export async function offer(
  session: Session,
  transaction: SignedTransaction,
  signal: AbortSignal,
): Promise<OfferAnswer> {
  const following = followStatus(session, transaction.hex);
  try {
    return { kind: 'taken', watch: await orAborted(following, signal) };
  } catch (error) {
    if (signal.aborted) {
      following.then((watch) => watch.stop()).catch(() => {});
      throw error;
    }
    if (session.socket.closed.aborted) return { kind: 'lost' };
    if (!(error instanceof RpcError)) throw error;
    const refusal = poolRejection(error, transaction.name);
    if (refusal) return { kind: 'refused', refusal };
    throw new TransientError(
      'CHAIN_RPC_ERROR',
      `${transaction.name}: the node answered ${error.code} ${error.message}`,
    );
  }
}

/** Follows what the pool says. @throws RpcError when it refuses; TransientError when disconnected. */
async function followStatus(session: Session, hex: string): Promise<Watch> {
  let end: (value: WatchEnd) => void = () => {};
  let include = () => {};
  const ended = new Promise<WatchEnd>((resolve) => {
    end = resolve;
  });
  const included = new Promise<void>((resolve) => {
    include = resolve;
  });
  const { closed } = session.socket;
  const lost = () => end({ kind: 'lost' });
  const subscription = await session.socket.subscribe(
    'author_submitAndWatchExtrinsic',
    [hex],
    'author_unwatchExtrinsic',
    (item) => {
      const status = statusSchema.parse(item);
      const [word, value] =
        typeof status === 'string' ? [status, undefined] : (Object.entries(status)[0] ?? ['', undefined]);
      if (word === 'inBlock' || word === 'finalized') include();
      if (word === 'finalized') end({ kind: 'final', hash: z.string().parse(value) });
      // A dropped one may still reach a block through another node's pool, so only these two are certain.
      if (word === 'invalid' || word === 'usurped') end({ kind: 'refused', status: word });
      if (word === 'dropped' || word === 'finalityTimeout') lost();
    },
  );
  closed.addEventListener('abort', lost, { once: true });
  if (closed.aborted) lost();
  return {
    ended,
    included,
    stop: () => {
      closed.removeEventListener('abort', lost);
      subscription.stop();
    },
  };
}
