import type { IncomingMessage, ServerResponse } from 'node:http';
import { GIB } from '@tuning/kit';
import { HttpError, repoNotFound } from './http-error.ts';
import type { MultipartStore } from './multipart-store.ts';
import type { ObjectStore } from './object-store.ts';
import type { Repo, RepoType } from './repo.ts';
import type { RepoStore } from './repo-store.ts';
import type { Identity, TokenStore } from './tokens.ts';
import type { UploadLinks } from './upload-links.ts';

export interface HubLimits {
  /** Files of at least this many bytes go to LFS. */
  lfsBytes: number;
  /** Entries on one page of a tree. */
  treePage: number;
  /** JSON bodies: preupload, LFS batch, create. */
  jsonBytes: number;
  /** Body of one commit. */
  commitBytes: number;
  /** One line of a commit, hence 3/4 of it for a file that is not LFS. */
  commitLineBytes: number;
  commitOperations: number;
  objectBytes: number;
  /** Larger objects are offered in parts to clients that can do so. */
  multipartBytes: number;
  /** Bytes of a part. */
  partBytes: number;
  /** What all repos of one namespace may hold. */
  namespaceBytes: number;
  /** Left free on the disk by uploads. */
  diskReserveBytes: number;
  /** An upload in parts is dropped after this long without a new part, in ms. */
  uploadAgeMs: number;
  /** Time for the head of a request to arrive, in ms. */
  headMs: number;
  /** Silence on a body before the connection is cut, in ms. */
  bodyIdleMs: number;
}

export const DEFAULT_LIMITS: HubLimits = {
  lfsBytes: 1_000_000,
  treePage: 1000,
  jsonBytes: 8 * 1024 ** 2,
  commitBytes: 64 * 1024 ** 2,
  commitLineBytes: 24 * 1024 ** 2,
  commitOperations: 10_000,
  objectBytes: 50e9,
  // A single PUT streams well at any size; parts cost a second pass over the bytes and buy resumption.
  multipartBytes: 2 * GIB,
  partBytes: 64 * 1024 ** 2,
  namespaceBytes: 1024 * GIB,
  diskReserveBytes: 64 * 1024 ** 2,
  uploadAgeMs: 24 * 3_600_000,
  headMs: 60_000,
  bodyIdleMs: 60_000,
};

export interface HubServices {
  dataDir: string;
  repos: RepoStore;
  objects: ObjectStore;
  multipart: MultipartStore;
  tokens: TokenStore;
  links: UploadLinks;
  limits: HubLimits;
}

/** One request on its way to its answer. */
export interface Exchange extends HubServices {
  req: IncomingMessage;
  res: ServerResponse;
  method: string;
  /** Decoded one by one; `..` is not resolved. */
  segments: string[];
  /** Path as it stood in the request line. */
  rawPath: string;
  query: URLSearchParams;
  /** `http://host`, as the client named this server: links are built on it. */
  base: string;
  identity: Identity | undefined;
}

/** The repo, if it exists and this client may read it. @throws HttpError 401 or 404 RepoNotFound. */
export function readableRepo(x: Exchange, type: RepoType, fullName: string): Repo {
  const repo = x.repos.find(type, fullName);
  if (!repo || (repo.private && x.identity?.namespace !== repo.namespace)) throw repoNotFound(x.identity !== undefined);
  return repo;
}

/** @throws HttpError 403 where the client may read the repo but not write to it. */
export function requireWriter(x: Exchange, repo: Repo): Identity {
  if (!x.identity) throw repoNotFound(false);
  if (x.identity.namespace !== repo.namespace) {
    throw new HttpError(403, `You do not have the rights to write to ${repo.fullName}`);
  }
  if (x.identity.role !== 'write') throw new HttpError(403, 'This token has no write permission: use a write token');
  return x.identity;
}

export function sendJson(x: Exchange, value: unknown, headers: Record<string, string> = {}): void {
  const body = Buffer.from(JSON.stringify(value));
  x.res.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    ...headers,
  });
  x.res.end(x.method === 'HEAD' ? undefined : body);
}

/** Python sends `True`, JavaScript `true`. */
export function flag(query: URLSearchParams, name: string): boolean {
  return query.get(name)?.toLowerCase() === 'true';
}

/** A whole number from the query, held within bounds. */
export function clamped(text: string | null, fallback: number, min: number, max: number): number {
  const value = text === null || text === '' ? fallback : Number(text);
  return Number.isFinite(value) ? Math.min(max, Math.max(min, Math.trunc(value))) : fallback;
}

/** The same URL with one query parameter changed, as the `next` link. */
export function nextLink(x: Exchange, name: string, value: string): string {
  const query = new URLSearchParams(x.query);
  query.set(name, value);
  return `<${x.base}${x.rawPath}?${query}>; rel="next"`;
}
