import { z } from 'zod';
import type { Session } from './session.ts';

export type WatchEnd =
  | { kind: 'final'; hash: string }
  /** It can not be included any more. */
  | { kind: 'refused'; status: string }
  /** The node no longer tells: look in the blocks. */
  | { kind: 'lost' };

export interface Watch {
  /** Never rejects. */
  readonly ended: Promise<WatchEnd>;
  /** Resolves when the transaction is in a block, or when the watch ends. */
  readonly included: Promise<void>;
  stop(): void;
}

/** `TransactionStatus` of the SDK's author_submitAndWatchExtrinsic: a word, or an object with one key. */
const statusSchema = z.union([z.string(), z.record(z.string(), z.unknown())]);

/** Submits and follows what the pool says. @throws RpcError when the pool refuses; TransientError when disconnected. */
export async function followStatus(session: Session, hex: string): Promise<Watch> {
  let end: (value: WatchEnd) => void = () => {};
  let include = () => {};
  const ended = new Promise<WatchEnd>((resolve) => {
    end = resolve;
  });
  const included = new Promise<void>((resolve) => {
    include = resolve;
  });
  void ended.then(() => include());
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
      if (word === 'inBlock') include();
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
