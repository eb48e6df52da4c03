import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errorMessage, type Logger, OperatorError, TransientError, writeFileAtomic } from '@tuning/kit';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { fromHex } from '../../../scale/bytes.ts';

const CODE_KEY = '0x3a636f6465';
const TIMEOUT_MS = 60_000;
/** Code is under 2 MB today; twice that in hexadecimal. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
const answer = z.union([
  z.object({ result: z.string().regex(/^0x(?:[0-9a-fA-F]{2})+$/) }),
  z.object({ error: z.object({ message: z.string() }) }),
]);

export function userCacheDir(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tuning', 'runtimes');
}

/**
 * The `:code` of a live chain, read once and kept under the cache folder; delete the file to read it anew.
 * TransientError ENDPOINT_UNREACHABLE, OperatorError ENDPOINT_HAS_NO_RUNTIME, ENDPOINT_INVALID.
 */
export async function codeOfEndpoint(
  url: string,
  options: { cacheDir?: string; logger: Logger; signal?: AbortSignal },
): Promise<Uint8Array> {
  if (!URL.canParse(url)) throw new OperatorError('ENDPOINT_INVALID', `${url} is no URL; expected ws://… or wss://…`);
  const { host } = new URL(url);
  const dir = options.cacheDir ?? userCacheDir();
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 16);
  const path = join(dir, `${host.replaceAll(/[^a-zA-Z0-9.-]/g, '-')}-${digest}.code`);
  const known = await readFile(path).catch(() => undefined);
  if (known) {
    options.logger.info({ path, url }, 'runtime code comes from the cache; delete the file to read it anew');
    return new Uint8Array(known);
  }
  const code = await readCode(url, options.signal);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, code);
  options.logger.info({ path, url, bytes: code.length }, 'runtime code was read from the endpoint');
  return code;
}

async function readCode(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const text = await ask(url, signal);
  let parsed: z.infer<typeof answer> | undefined;
  try {
    parsed = answer.parse(JSON.parse(text));
  } catch {
    // Told below: what the endpoint said instead is of no use to anybody.
  }
  if (parsed && 'result' in parsed) return fromHex(parsed.result);
  throw new OperatorError(
    'ENDPOINT_HAS_NO_RUNTIME',
    `${url} did not give its runtime (state_getStorage of :code)${parsed ? `: ${parsed.error.message.slice(0, 200)}` : ''}; is it a Substrate node?`,
    { details: { url } },
  );
}

function ask(url: string, signal: AbortSignal | undefined): Promise<string> {
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { maxPayload: MAX_ANSWER_BYTES, handshakeTimeout: TIMEOUT_MS });
    const fail = (reason: string): void =>
      reject(
        new TransientError('ENDPOINT_UNREACHABLE', `${url} cannot be asked for its runtime: ${reason}`, {
          details: { url },
        }),
      );
    const onAbort = (): void => {
      fail(deadline.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : 'cancelled');
      socket.terminate();
    };
    stop.addEventListener('abort', onAbort, { once: true });
    socket.on('open', () =>
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'state_getStorage', params: [CODE_KEY] })),
    );
    socket.on('message', (data) => {
      resolve(data.toString());
      socket.close();
    });
    socket.on('error', (error) => fail(errorMessage(error)));
    socket.on('close', () => {
      stop.removeEventListener('abort', onAbort);
      fail('it closed the connection');
    });
  });
}
