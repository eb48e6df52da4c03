import { cryptoWaitReady } from '@polkadot/util-crypto';
import { type Logger, silentLogger } from '@tuning/kit';
import { nodeMethods } from './node/methods/index.ts';
import { ChainNode } from './node/node.ts';
import { serveRpc } from './node/rpc-server.ts';
import { EmulatedRuntime } from './runtime/emulated/runtime.ts';

export interface DevnetNodeOptions {
  /** 0 (the default) takes any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Milliseconds between blocks (default 250), or 'instant': a block as soon as a transaction is ready. */
  blockMs?: number | 'instant';
  /** How many blocks finality trails the best block (default 1). Instant blocks are final 50 ms later. */
  finalityLag?: number;
  /** How many past blocks and their states stay readable. Default 40,000: under three hours of 250 ms blocks. */
  keepBlocks?: number;
  /** Not used by the emulated runtime (its state lives in memory); accepted so that callers can name one folder. */
  dataDir?: string;
  logger?: Logger;
}

export interface DevnetNode {
  /** ws://127.0.0.1:PORT */
  readonly endpoint: string;
  readonly port: number;
  readonly genesisHash: string;
  /** Number of the best block. */
  blockNumber(): number;
  /** Builds so many blocks now, whatever the interval. */
  newBlocks(count?: number): void;
  close(): Promise<void>;
}

const FACTS = {
  chain: 'Bittensor Devnet',
  name: 'tuning-devnet',
  version: '0.1.0',
  properties: { ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' },
};

/** Starts a Subtensor-compatible node with a fresh genesis. OperatorError PORT_IN_USE. */
export async function startDevnetNode(options: DevnetNodeOptions = {}): Promise<DevnetNode> {
  await cryptoWaitReady();
  const logger = options.logger ?? silentLogger;
  const host = options.host ?? '127.0.0.1';
  const blockMs = options.blockMs ?? 250;
  const node = new ChainNode(new EmulatedRuntime(blockMs === 'instant' ? {} : { slotMs: blockMs }), {
    blockMs,
    finalityLag: options.finalityLag ?? 1,
    keepBlocks: options.keepBlocks ?? 40_000,
    logger,
  });
  const server = await serveRpc(nodeMethods(node, FACTS), { host, port: options.port ?? 0, logger });
  node.start();
  return {
    endpoint: `ws://${host}:${server.port}`,
    port: server.port,
    genesisHash: node.store.genesisHash,
    blockNumber: () => node.store.best.header.number,
    newBlocks: (count = 1) => {
      for (let i = 0; i < count; i++) node.produceBlock();
    },
    close: async () => {
      node.stop();
      await server.close();
    },
  };
}
