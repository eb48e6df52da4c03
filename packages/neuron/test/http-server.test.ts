import { createServer } from 'node:net';
import { BadInputError, Secret, silentLogger, TransientError } from '@tuning/kit';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertPortFree, checkBinding, createHttpServer, HttpError, listenHttp } from '../src/http-server.ts';

const server = (apiKey?: Secret) => createHttpServer({ apiKey, logger: silentLogger });

describe('checkBinding', () => {
  it('lets loopback go without a key and nothing else', () => {
    expect(() => checkBinding('127.0.0.1', undefined)).not.toThrow();
    expect(() => checkBinding('::1', undefined)).not.toThrow();
    expect(() => checkBinding('0.0.0.0', new Secret('k'))).not.toThrow();
    expect(() => checkBinding('0.0.0.0', undefined)).toThrow(/TUNING_API_KEY/);
  });
});

describe('createHttpServer', () => {
  it('demands the key where there is one, but not for /healthz', async () => {
    const app = server(new Secret('open'));
    app.get('/x', async () => ({ ok: 1 }));
    expect((await app.inject('/x')).statusCode).toBe(401);
    expect((await app.inject({ url: '/x', headers: { authorization: 'Bearer wrong' } })).statusCode).toBe(401);
    expect((await app.inject({ url: '/x', headers: { authorization: 'Bearer open' } })).statusCode).toBe(200);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });

  it('turns errors into a status and a code, and keeps bugs to itself', async () => {
    const app = server();
    const routes: [string, () => never, number, string][] = [
      [
        '/http',
        () => {
          throw new HttpError(409, 'BUSY', 'later');
        },
        409,
        'BUSY',
      ],
      [
        '/bad',
        () => {
          throw new BadInputError('DATASET_EMPTY', 'no rows');
        },
        422,
        'DATASET_EMPTY',
      ],
      [
        '/missing',
        () => {
          throw new BadInputError('HUB_REPO_NOT_FOUND', 'no repo');
        },
        404,
        'HUB_REPO_NOT_FOUND',
      ],
      [
        '/soon',
        () => {
          throw new TransientError('HUB_UNAVAILABLE', 'down');
        },
        503,
        'HUB_UNAVAILABLE',
      ],
      ['/zod', () => z.strictObject({ a: z.number() }).parse({}) as never, 422, 'INVALID_REQUEST'],
      [
        '/bug',
        () => {
          throw new Error('secret detail');
        },
        500,
        'INTERNAL',
      ],
    ];
    for (const [path, work] of routes) app.get(path, async () => work());
    for (const [path, , status, code] of routes) {
      const answer = await app.inject(path);
      expect(answer.statusCode, path).toBe(status);
      expect(answer.json().error.code, path).toBe(code);
      expect(answer.body).not.toContain('secret detail');
    }
  });

  it('answers unparsable JSON, an unknown path and a large body with 4xx', async () => {
    const app = server();
    app.post('/x', async () => ({}));
    const headers = { 'content-type': 'application/json' };
    expect((await app.inject({ method: 'POST', url: '/x', headers, payload: '{oops' })).statusCode).toBe(400);
    expect((await app.inject({ method: 'POST', url: '/x/', headers, payload: '{}' })).statusCode).toBe(200);
    expect((await app.inject('/nowhere')).statusCode).toBe(404);
    expect(
      (await app.inject({ method: 'POST', url: '/x', headers, payload: JSON.stringify('x'.repeat(300_000)) }))
        .statusCode,
    ).toBe(413);
  });
});

describe('ports', () => {
  it('names an occupied port in one line', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(assertPortFree('127.0.0.1', port, '--http.port')).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await expect(listenHttp(server(), '127.0.0.1', port)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      name: 'OperatorError',
    });
    other.close();
  });
});
