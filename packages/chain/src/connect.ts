import { OperatorError, silentLogger } from '@tuning/kit';
import type { Chain, ConnectOptions } from './chain.ts';
import { Connection } from './connection.ts';
import { divertPolkadotLog } from './polkadot-log.ts';
import { SubtensorChain } from './subtensor-chain.ts';

/**
 * Connects to the first endpoint that answers. The chain then reconnects by itself until it is closed.
 * @throws OperatorError `CHAIN_UNREACHABLE` | `CHAIN_BAD_ENDPOINT` | `CHAIN_NOT_SUBTENSOR`; the signal's reason.
 */
export async function connectChain(options: ConnectOptions): Promise<Chain> {
  const { endpoints, signal, connectTimeoutMs = 15_000, callTimeoutMs = 30_000, headTimeoutMs } = options;
  const logger = options.logger ?? silentLogger;
  divertPolkadotLog(logger);
  const connection = new Connection({ endpoints, logger, connectTimeoutMs, callTimeoutMs });
  const stop = () => connection.close();
  try {
    await connection.open(signal);
    signal?.addEventListener('abort', stop, { once: true });
    connection.ended.addEventListener('abort', () => signal?.removeEventListener('abort', stop), { once: true });
    const chain = new SubtensorChain(connection, logger, headTimeoutMs);
    await chain.start();
    signal?.throwIfAborted();
    return chain;
  } catch (error) {
    connection.close();
    signal?.removeEventListener('abort', stop);
    signal?.throwIfAborted();
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      'CHAIN_UNREACHABLE',
      `the chain at ${endpoints.join(', ')} does not work (${error instanceof Error ? error.message : error}): try another endpoint`,
      { cause: error },
    );
  }
}
