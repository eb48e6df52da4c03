import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { join } from 'node:path';
import { errorMessage, type Logger, OperatorError, silentLogger, writeFileAtomic } from '@tuning/kit';
import { lockData } from './data-lock.ts';
import { DEFAULT_LIMITS, type Exchange, type HubLimits, type HubServices } from './exchange.ts';
import { spaceError } from './file-system.ts';
import { HttpError } from './http-error.ts';
import { MultipartStore } from './multipart-store.ts';
import { ObjectStore } from './object-store.ts';
import { isRepoName } from './repo-path.ts';
import { dropTemporary, RepoStore } from './repo-store.ts';
import { route, splitTarget } from './router.ts';
import { type TokenRequest, TokenStore } from './tokens.ts';
import { UploadLinks } from './upload-links.ts';

/** Layout of the data folder; another number is refused instead of misread. */
const VERSION = '1';
const SWEEP_EVERY_MS = 3_600_000;
/** Above the 60 s for which clients keep idle connections: a reused dead one fails a POST without retry. */
const KEEP_ALIVE_MS = 76_000;

/** Listening on every address is not an address to call. */
const ANY_ADDRESS = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '[::1]'],
]);

export interface LocalHubOptions {
  /** Absolute folder that holds everything; one process at a time. */
  dataDir: string;
  /** Default 0: the system picks a free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Names besides `localhost` and IP addresses by which clients may call this hub, e.g. `host.docker.internal`. */
  allowedHosts?: readonly string[];
  limits?: Partial<HubLimits>;
  logger?: Logger;
}

export interface LocalHub {
  /** `http://host:port`, no slash at the end. */
  readonly endpoint: string;
  /** Makes a token `hf_…`. It is shown this once: the hub keeps its sha256 only. */
  createToken(args: TokenRequest): Promise<string>;
  /** From now on the token gets 401, and so do upload links made with it. @returns false if it was not known. */
  revokeToken(token: string): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Starts a hub that unmodified Hugging Face clients can use: repos, revisions, LFS uploads, private and public.
 * @throws OperatorError `PORT_IN_USE`, `HUB_DATA_LOCKED`, `HUB_DATA_VERSION`.
 */
export async function startHub(options: LocalHubOptions): Promise<LocalHub> {
  const { dataDir, port = 0, host = '127.0.0.1', logger = silentLogger } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unlock = await lockData(dataDir);
  try {
    const services = await openServices(dataDir, { ...DEFAULT_LIMITS, ...options.limits });
    const allowed = new Set(['localhost', host, ...(options.allowedHosts ?? [])]);
    const { headMs } = services.limits;
    const limits = {
      maxHeaderSize: 16 * 1024,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: headMs,
      connectionsCheckingInterval: headMs / 2,
      // Uploads may take hours: bodies are limited by silence instead of by total time.
      requestTimeout: 0,
    };
    const server = createServer(limits, (req, res) => {
      void answer(services, allowed, logger, req, res);
    });
    await listen(server, port, host);
    const sweeper = setInterval(() => {
      services.multipart.sweep(services.limits.uploadAgeMs).catch((error: unknown) => {
        logger.warn({ error: errorMessage(error) }, 'abandoned uploads could not be removed');
      });
    }, SWEEP_EVERY_MS);
    const bound = (server.address() as AddressInfo).port;
    const shownHost = ANY_ADDRESS.get(host) ?? (isIP(host) === 6 ? `[${host}]` : host);
    return {
      endpoint: `http://${shownHost}:${bound}`,
      async createToken(request) {
        if (!isRepoName(request.namespace)) {
          throw new OperatorError('HUB_BAD_NAME', `not a namespace: ${request.namespace}`);
        }
        return services.tokens.create(request);
      },
      revokeToken: (token) => services.tokens.revoke(token),
      async close() {
        clearInterval(sweeper);
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        await closed;
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openServices(dataDir: string, limits: HubLimits): Promise<HubServices> {
  const versionFile = join(dataDir, 'VERSION');
  const version = (await readFile(versionFile, 'utf8').catch(() => '')).trim();
  if (version === '') await writeFileAtomic(versionFile, `${VERSION}\n`);
  else if (version !== VERSION) {
    throw new OperatorError(
      'HUB_DATA_VERSION',
      `the hub's data folder ${dataDir} has layout ${version}, not ${VERSION}`,
    );
  }
  await dropTemporary(dataDir);
  const temporary = join(dataDir, 'tmp');
  await mkdir(temporary, { recursive: true });
  for (const name of await readdir(temporary)) await rm(join(temporary, name), { recursive: true, force: true });
  const objects = join(dataDir, 'objects');
  await mkdir(objects, { recursive: true });
  const uploads = join(dataDir, 'uploads');
  await mkdir(uploads, { recursive: true });
  const multipart = new MultipartStore(uploads, temporary);
  await multipart.sweep(limits.uploadAgeMs);
  return {
    dataDir,
    multipart,
    repos: await RepoStore.open(join(dataDir, 'repos'), temporary),
    objects: new ObjectStore(objects, temporary),
    tokens: await TokenStore.open(dataDir),
    links: await UploadLinks.open(dataDir),
    limits,
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new OperatorError(
              'PORT_IN_USE',
              `port ${port} on ${host} is in use: stop the other program or choose another`,
            )
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
}

async function answer(
  services: HubServices,
  allowed: Set<string>,
  logger: Logger,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const started = performance.now();
  res.setHeader('X-Request-Id', randomUUID());
  res.setHeader('X-Content-Type-Options', 'nosniff');
  let rawPath = '';
  try {
    const target = splitTarget(req.url ?? '');
    rawPath = target.rawPath;
    const x: Exchange = {
      ...services,
      ...target,
      req,
      res,
      method: req.method ?? '',
      base: `http://${checkedHost(req, allowed)}`,
      // An upload link carries its own right and may come with no token or a foreign one.
      identity: target.segments[0] === '_lfs' ? undefined : services.tokens.authenticate(req.headers.authorization),
    };
    await route(x);
  } catch (error) {
    refuse(req, res, error, logger);
  }
  // The query may hold a signature, the headers a token: neither is logged.
  const ms = Math.round(performance.now() - started);
  logger.debug({ method: req.method, path: rawPath, status: res.statusCode, ms }, 'hub request');
}

/**
 * The Host header, which links are built from. A foreign name is refused: it would be a web page that reached this
 * server by DNS rebinding. IP addresses can't be rebound.
 */
function checkedHost(req: IncomingMessage, allowed: Set<string>): string {
  const host = req.headers.host ?? '';
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::\d{1,5})?$/.exec(host);
  const name = match?.[1] ?? match?.[2] ?? '';
  if (isIP(name) === 0 && !allowed.has(name.toLowerCase())) {
    throw new HttpError(421, 'This hub does not answer to that host name');
  }
  return host;
}

function refuse(req: IncomingMessage, res: ServerResponse, thrown: unknown, logger: Logger): void {
  const error = spaceError(thrown);
  if (!(error instanceof HttpError)) logger.error({ error: errorMessage(error) }, 'hub request failed');
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const known = error instanceof HttpError ? error : new HttpError(500, 'Internal error of the hub', { headers: {} });
  const body = Buffer.from(JSON.stringify({ error: known.message, ...known.body }));
  res.writeHead(known.status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    ...known.headers,
    ...(known.hubCode ? { 'X-Error-Code': known.hubCode } : {}),
    'X-Error-Message': known.message.replace(/[^\x20-\x7e]/g, '?'),
    // The rest of a refused upload is read and dropped, on a connection that is not used again.
    ...(req.complete ? {} : { Connection: 'close' }),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
  req.resume();
}
