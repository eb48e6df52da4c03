import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';

/** An unmodified polkadot.js client and the few moves that the tests repeat. */
export interface TestClient {
  api: ApiPromise;
  pair(suri: string): KeyringPair;
  /** Sends and waits for a block. `error`: module error name, token error or undefined. Pool refusals: `refused`. */
  send(tx: SubmittableExtrinsic<'promise'>, signer: KeyringPair, options?: object): Promise<Sent>;
  /** The same through sudo(//Alice), looking inside Sudid. */
  sudo(tx: SubmittableExtrinsic<'promise'>): Promise<Sent>;
  rpc(method: string, ...params: unknown[]): Promise<unknown>;
  blocks(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface Sent {
  error?: string;
  refused?: string;
  block?: string;
  events: string[];
}

export async function connect(endpoint: string): Promise<TestClient> {
  const provider = new WsProvider(endpoint);
  const api = await ApiPromise.create({ provider: provider as never, noInitWarn: true, throwOnConnect: true });
  const keyring = new Keyring({ type: 'sr25519' });
  const nonces = new Map<string, number>();
  // biome-ignore lint/suspicious/noExplicitAny: dispatch errors come in several client types
  const describe = (error: any): string =>
    error.isModule ? api.registry.findMetaError(error.asModule).name : error.toString();

  const send: TestClient['send'] = (tx, signer, options = {}) =>
    new Promise((resolve) => {
      const known = nonces.get(signer.address);
      const start = async (): Promise<number> =>
        known ??
        ((await api.rpc.system.accountNextIndex(signer.address)) as unknown as { toNumber(): number }).toNumber();
      start().then((nonce) => {
        nonces.set(signer.address, nonce + 1);
        tx.signAndSend(signer, { nonce, ...options }, (result) => {
          if (!result.isInBlock && !result.isFinalized && !result.isError) return;
          const sudid = result.events.find(({ event }) => event.method === 'Sudid')?.event.data[0] as
            | { isErr: boolean; asErr: unknown }
            | undefined;
          const failure = result.dispatchError ?? (sudid?.isErr ? sudid.asErr : undefined);
          resolve({
            ...(failure ? { error: describe(failure) } : {}),
            ...(result.isError ? { refused: result.status.type } : { block: result.status.inner.toString() }),
            events: result.events.map(({ event }) => `${event.section}.${event.method}`),
          });
        }).catch((error: Error) => {
          nonces.set(signer.address, nonce);
          resolve({ refused: error.message, events: [] });
        });
      });
    });
  return {
    api,
    pair: (suri) => keyring.addFromUri(suri),
    send,
    sudo: (tx) => send(api.tx['sudo']!['sudo']!(tx), keyring.addFromUri('//Alice')),
    rpc: (method, ...params) => provider.send(method, params),
    blocks: async (count) => {
      await provider.send('dev_newBlock', [{ count }]);
    },
    close: () => api.disconnect(),
  };
}
