import { ApiPromise } from '@polkadot/api';
import { OperatorError, TransientError, withDeadline } from '@tuning/kit';
import { endpointFault } from './endpoint-fault.ts';
import { orAborted } from './or-aborted.ts';
import { RpcSocket } from './rpc-socket.ts';

type ApiProvider = NonNullable<NonNullable<ConstructorParameters<typeof ApiPromise>[0]>['provider']>;

/** One connection to one endpoint, with the runtime's metadata as it was when it opened. */
export interface Session {
  readonly socket: RpcSocket;
  readonly api: ApiPromise;
  readonly genesisHash: string;
  readonly specName: string;
  readonly specVersion: number;
}

/**
 * Connects and reads the metadata.
 * @throws OperatorError `CHAIN_NOT_SUBTENSOR`, `CHAIN_BAD_ENDPOINT`; TransientError `CHAIN_DISCONNECTED`,
 * `DEADLINE_EXCEEDED`, `CHAIN_BAD_METADATA`.
 */
export async function openSession(
  endpoint: string,
  ms: number,
  { signal, pingMs }: { signal?: AbortSignal | undefined; pingMs?: number | undefined } = {},
): Promise<Session> {
  let socket: RpcSocket | undefined;
  try {
    return await withDeadline(
      `connecting to ${endpoint}`,
      ms,
      async (limit) => {
        socket = await RpcSocket.open(endpoint, limit, pingMs);
        const onLimit = () => socket?.close('gave up connecting');
        limit.addEventListener('abort', onLimit, { once: true });
        const api = await readApi(socket);
        limit.removeEventListener('abort', onLimit);
        if (!api.tx['subtensorModule'] || !api.query['subtensorModule']) {
          throw new OperatorError(
            'CHAIN_NOT_SUBTENSOR',
            `${endpoint} is a chain without the SubtensorModule pallet (${api.runtimeVersion.specName} ${api.runtimeVersion.specVersion}): give a Subtensor endpoint`,
          );
        }
        return {
          socket,
          api,
          genesisHash: api.genesisHash.toHex(),
          specName: api.runtimeVersion.specName.toString(),
          specVersion: api.runtimeVersion.specVersion.toNumber(),
        };
      },
      signal,
    );
  } catch (error) {
    socket?.close('could not set up the connection');
    throw error;
  }
}

async function readApi(socket: RpcSocket): Promise<ApiPromise> {
  const api = new ApiPromise({ provider: providerOver(socket), noInitWarn: true });
  const ready = api.isReadyOrError.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw endpointFault(
      'CHAIN_BAD_METADATA',
      `${socket.endpoint} does not serve usable metadata: ${reason.slice(0, 300)}`,
      error,
    );
  });
  return orAborted(ready, socket.closed);
}

/**
 * The socket as polkadot.js sees it: requests only. Without subscriptions ApiPromise starts no timers and no streams
 * whose errors nobody can catch. Requests cut off by a lost socket stay open, because rpc-core would print each of them;
 * whoever waits for a read also waits for `socket.closed`.
 */
function providerOver(socket: RpcSocket): ApiProvider {
  const unsupported = async (): Promise<never> => {
    throw new TransientError('CHAIN_NO_SUBSCRIPTIONS', 'subscriptions go through the socket, not through polkadot.js');
  };
  return {
    hasSubscriptions: false,
    isClonable: false,
    get isConnected() {
      return !socket.closed.aborted;
    },
    clone: () => providerOver(socket),
    connect: async () => {},
    disconnect: async () => {},
    on: () => () => {},
    send: <T>(method: string, params: unknown[]) =>
      new Promise<T>((resolve, reject) => {
        socket.request(method, params).then(
          (value) => resolve(value as T),
          (error: unknown) => {
            if (!socket.closed.aborted) reject(error);
          },
        );
      }),
    subscribe: unsupported,
    unsubscribe: unsupported,
  };
}
