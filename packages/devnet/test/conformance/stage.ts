import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import type { DevnetNodeOptions } from '../../src/start-node.ts';
import { startDevnetNode } from '../../src/start-node.ts';
import { Accounts } from './accounts.ts';
import { Client } from './client.ts';

/** A chain at its genesis, spoken to in plain JSON-RPC. */
export interface Stage {
  readonly client: Client;
  readonly genesisHash: string;
  rpc(method: string, ...params: unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * One runtime for a whole test file: the client learns its metadata once, every scenario then gets a chain of its own.
 */
export class Theatre {
  readonly client: Client;
  readonly #options: DevnetNodeOptions;

  private constructor(client: Client, options: DevnetNodeOptions) {
    this.client = client;
    this.#options = options;
  }

  /** `runtime` as startDevnetNode takes it; without one the emulated runtime. */
  static async open(runtime?: string): Promise<Theatre> {
    // Blocks are made by hand: no timer comes around before the test ends.
    const options: DevnetNodeOptions = { blockMs: 3_600_000, ...(runtime === undefined ? {} : { runtime }) };
    const node = await startDevnetNode(options);
    const socket = new WsProvider(node.endpoint);
    const provider = socket as unknown as NonNullable<ApiOptions['provider']>;
    const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
    // Encoding and decoding need no connection.
    const gone = new Promise<void>((resolve) => socket.on('disconnected', resolve));
    await api.disconnect();
    await gone;
    await node.close();
    return new Theatre(new Client(api, new Accounts()), options);
  }

  get specVersion(): number {
    return this.client.api.runtimeVersion.specVersion.toNumber();
  }

  async stage(beacon = false): Promise<Stage> {
    const node = await startDevnetNode({ ...this.#options, beacon });
    const provider = new WsProvider(node.endpoint);
    await provider.isReady;
    return {
      client: this.client,
      genesisHash: node.genesisHash,
      rpc: (method, ...params) => provider.send(method, params),
      close: async () => {
        await provider.disconnect();
        await node.close();
      },
    };
  }
}
