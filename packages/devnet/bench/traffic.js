import { WsProvider } from '@polkadot/api';

/**
 * Sends one of these signed transactions every `everyMs`.
 * @returns what stops it; that throws when a transaction was refused, or when there were too few.
 */
export function startTraffic(endpoint, signed, everyMs) {
  const provider = new WsProvider(endpoint);
  let sent = 0;
  let failure;
  const timer = setInterval(() => {
    if (!provider.isConnected) return;
    if (sent >= signed.length) failure ??= new Error(`${signed.length} transactions were too few`);
    else {
      provider.send('author_submitExtrinsic', [signed[sent++]]).catch((error) => {
        failure ??= error;
      });
    }
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await provider.disconnect();
    if (failure) throw failure;
  };
}
