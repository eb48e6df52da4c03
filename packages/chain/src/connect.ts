import { OperatorError, silentLogger } from '@tuning/kit';
import type { Chain, ConnectOptions } from './chain.ts';
import { Connection } from './connection.ts';
import { FinalisedHeads } from './finalised-heads.ts';
import { SILENCE_MS } from './head-watchdog.ts';
import { divertPolkadotLog } from './polkadot-log.ts';
import { PING_INTERVAL_MS } from './rpc-socket.ts';
import { SubtensorChain } from './subtensor-chain.ts';

/**
 * Connects to the first endpoint that answers. The chain then reconnects by itself until it is closed.
 * @throws OperatorError `CHAIN_UNREACHABLE` (`details.faults`: the code of each endpoint's fault) | `CHAIN_BAD_ENDPOINT` |
 * `CHAIN_NOT_SUBTENSOR` | `CHAIN_OTHER_CHAIN`; the signal's reason.
 */
export async function connectChain(options: ConnectOptions): Promise<Chain> {
  const { endpoints, signal, connectTimeoutMs = 15_000, callTimeoutMs = 30_000 } = options;
  const { genesisHash, silenceMs, headTimeoutMs, returnMs } = options;
  const logger = options.logger ?? silentLogger;
  divertPolkadotLog(logger);
  const heads = new FinalisedHeads(logger);
  const pingMs = Math.min(PING_INTERVAL_MS, (silenceMs ?? SILENCE_MS) / 2.5);
  const connection = new Connection(
    { endpoints, logger, connectTimeoutMs, callTimeoutMs, genesisHash, pingMs, returnMs },
    heads.follow,
  );
  heads.attach(connection);
  const stop = () => connection.close();
  try {
    await connection.open(signal);
    signal?.addEventListener('abort', stop, { once: true });
    connection.ended.addEventListener('abort', () => signal?.removeEventListener('abort', stop), { once: true });
    const chain = new SubtensorChain(connection, heads, logger, { silenceMs, headTimeoutMs });
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
