import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:net';
import { errorCode, errorMessage, isDiskFull, type Logger, OperatorError, type Secret } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import Fastify, { type FastifyInstance } from 'fastify';
import { ZodError } from 'zod';

/** Thrown by a route for an answer other than 2xx; `code` and `message` reach the caller. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1)$/.test(host);
}

/**
 * Refuses to serve other machines without a key.
 * @throws OperatorError API_KEY_MISSING.
 */
export function checkBinding(host: string, apiKey: Secret | undefined): void {
  if (apiKey || isLoopback(host)) return;
  throw new OperatorError(
    'API_KEY_MISSING',
    `the HTTP endpoint would listen on ${host}, so it needs an API key: set TUNING_API_KEY or TUNING_API_KEY_FILE, or bind to 127.0.0.1`,
  );
}

const LOCAL_HOST = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/;

/** A fastify server with our limits, error shape `{error: {code, message}}` and bearer-key check; not yet listening. */
export function createHttpServer(options: { apiKey: Secret | undefined; logger: Logger }): FastifyInstance {
  const server = Fastify({
    bodyLimit: LIMITS.httpBodyBytes,
    requestTimeout: 60_000,
    routerOptions: { ignoreTrailingSlash: true },
  });
  const expected = options.apiKey ? Buffer.from(`Bearer ${options.apiKey.reveal()}`) : undefined;
  server.addHook('onRequest', async (request) => {
    if (!expected) {
      // Without a key loopback is the only protection: a web page that rebinds its name to 127.0.0.1 must not get in.
      if (!LOCAL_HOST.test(request.headers.host ?? ''))
        throw new HttpError(403, 'HOST_REFUSED', 'ask for this endpoint as 127.0.0.1 or localhost');
      return;
    }
    if (request.url === '/healthz') return;
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new HttpError(401, 'UNAUTHORIZED', 'give the API key as "Authorization: Bearer <key>"');
    }
  });
  server.setErrorHandler((error, _request, reply) => {
    const { status, code, message } = describe(error);
    if (status >= 500) options.logger.error({ code, error: errorMessage(error) }, 'request failed');
    reply.code(status).send({ error: { code, message } });
  });
  server.setNotFoundHandler((request, reply) => {
    reply
      .code(404)
      .send({ error: { code: 'NOT_FOUND', message: `there is no ${request.method} ${request.url.split('?')[0]}` } });
  });
  server.get('/healthz', async () => ({ ok: true }));
  return server;
}

function describe(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof HttpError) return { status: error.status, code: error.code, message: error.message };
  if (error instanceof ZodError) {
    const issue = error.issues[0];
    return {
      status: 422,
      code: 'INVALID_REQUEST',
      message: `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is not valid'}`,
    };
  }
  if (isDiskFull(error))
    return { status: 507, code: 'DISK_FULL', message: 'the disk of this miner or validator is full' };
  const name = (error as Error).name;
  const code = errorCode(error) ?? 'INTERNAL';
  if (name === 'BadInputError')
    return { status: code.endsWith('NOT_FOUND') ? 404 : 422, code, message: errorMessage(error) };
  if (name === 'TransientError') return { status: 503, code, message: errorMessage(error) };
  if (name === 'OperatorError') return { status: 502, code, message: errorMessage(error) };
  const status = (error as { statusCode?: number }).statusCode;
  if (status !== undefined && status >= 400 && status < 500) return { status, code, message: errorMessage(error) };
  return { status: 500, code: 'INTERNAL', message: 'something went wrong here; the log has the details' };
}

/**
 * Starts listening.
 * @returns the port in use (of interest when 0 was asked for).
 * @throws OperatorError PORT_IN_USE, ADDRESS_UNUSABLE.
 */
export async function listenHttp(server: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EADDRINUSE') {
      throw new OperatorError(
        'PORT_IN_USE',
        `port ${port} on ${host} is in use: stop the other process or give another --http.port`,
      );
    }
    throw new OperatorError('ADDRESS_UNUSABLE', `can't listen on ${host}:${port}: ${errorMessage(error)}`);
  }
  const address = server.server.address();
  return typeof address === 'object' && address ? address.port : port;
}

/**
 * Finds out at start, before anything is spent, that a port is taken.
 * @throws OperatorError PORT_IN_USE, ADDRESS_UNUSABLE.
 */
export async function assertPortFree(host: string, port: number, flag: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      const message =
        errorCode(error) === 'EADDRINUSE'
          ? `port ${port} on ${host} is in use: stop the other process or give another ${flag}`
          : `can't listen on ${host}:${port} (${flag}): ${errorMessage(error)}`;
      reject(new OperatorError(errorCode(error) === 'EADDRINUSE' ? 'PORT_IN_USE' : 'ADDRESS_UNUSABLE', message));
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}
