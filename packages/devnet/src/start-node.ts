import { cryptoWaitReady } from '@polkadot/util-crypto';
import { type Logger, silentLogger } from '@tuning/kit';
import { nodeMethods } from './node/methods/index.ts';
import { ChainNode } from './node/node.ts';
import { serveRpc } from './node/rpc-server.ts';
import { EmulatedRuntime } from './runtime/emulated/runtime.ts';
import { loadRuntimeSource } from './runtime/wasm/source/runtime-source.ts';
import { WasmRuntime } from './runtime/wasm/wasm-runtime.ts';

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
  /** How many past states stay readable, when fewer than blocks. */
  keepStates?: number;
  /**
   * Default false. true: the chain has a drand network of its own, so that timelocked weights and commitments
   * are revealed without anybody's help by clients that read its key from the chain.
   */
  beacon?: boolean;
  /**
   * A real runtime instead of the emulated one: a WebAssembly file (plain or compressed), a chain specification (plain or
   * raw), or the ws(s) URL of a live chain, whose code is read once and cached.
   */
  runtime?: string;
  /** Where code read from a URL is kept; default: `tuning/runtimes` in the user's cache folder. */
  runtimeCacheDir?: string;
  /** Ends the reading of a runtime from a URL. */
  signal?: AbortSignal;
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
  /** Emulated runtime only: from the next block on the runtime has this version, and its metadata says so. */
  upgradeRuntime(specVersion: number): void;
  close(): Promise<void>;
}

const FACTS = {
  chain: 'Bittensor Devnet',
  name: 'tuning-devnet',
  version: '0.1.0',
  properties: { ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' },
};

/**
 * Starts a Subtensor-compatible node with a fresh genesis. OperatorError PORT_IN_USE; with `runtime` also what
 * `loadRuntimeSource` and `WasmRuntime` throw.
 */
export async function startDevnetNode(options: DevnetNodeOptions = {}): Promise<DevnetNode> {
  await cryptoWaitReady();
  const logger = options.logger ?? silentLogger;
  const host = options.host ?? '127.0.0.1';
  const blockMs = options.blockMs ?? 250;
  const source =
    options.runtime === undefined
      ? undefined
      : await loadRuntimeSource(options.runtime, sourceOptions(options, logger));
  const runtime = source
    ? new WasmRuntime(source, { logger, beacon: options.beacon ?? false })
    : new EmulatedRuntime({ beacon: options.beacon ?? false, ...(blockMs === 'instant' ? {} : { slotMs: blockMs }) });
  const node = new ChainNode(runtime, {
    blockMs,
    finalityLag: options.finalityLag ?? 1,
    keepBlocks: options.keepBlocks ?? 40_000,
    keepStates: options.keepStates,
    logger,
  });
  const server = await serveRpc(nodeMethods(node, source ? { ...FACTS, chain: source.chain } : FACTS), {
    host,
    port: options.port ?? 0,
    logger,
  });
  node.start();
  return {
    endpoint: `ws://${host}:${server.port}`,
    port: server.port,
    genesisHash: node.store.genesisHash,
    blockNumber: () => node.store.best.header.number,
    newBlocks: (count = 1) => {
      for (let i = 0; i < count; i++) node.produceBlock();
    },
    upgradeRuntime: (specVersion) => {
      const { runtime: present } = node;
      if (!(present instanceof EmulatedRuntime)) throw new TypeError('a real runtime is upgraded by system.setCode');
      node.upgrade(present.upgraded(specVersion));
    },
    close: async () => {
      node.stop();
      await server.close();
    },
  };
}

function sourceOptions(
  { runtimeCacheDir, signal }: DevnetNodeOptions,
  logger: Logger,
): { cacheDir?: string; signal?: AbortSignal; logger: Logger } {
  return { logger, ...(runtimeCacheDir ? { cacheDir: runtimeCacheDir } : {}), ...(signal ? { signal } : {}) };
}
