import { validateYaml, whoAmI } from './api-account.ts';
import { commit, preupload } from './api-commit.ts';
import { lfsBatch, lfsTransfer, lfsVerify } from './api-lfs.ts';
import { createBranch, createTag, deleteRef, listCommits, listRefs } from './api-refs.ts';
import { authCheck, changeSettings, createRepo, deleteRepo, listRepos, repoInfo } from './api-repos.ts';
import { sendFile } from './api-resolve.ts';
import { listTree, pathsInfo } from './api-tree.ts';
import { type Exchange, readableRepo, sendJson } from './exchange.ts';
import { HttpError, repoNotFound } from './http-error.ts';
import type { Repo, RepoType } from './repo.ts';

const TYPES = new Map<string, RepoType>([
  ['models', 'model'],
  ['datasets', 'dataset'],
]);

/**
 * Splits a raw request target. `new URL` is no use here: it resolves `..` and `%2e%2e` before anybody can refuse them.
 * @throws HttpError 400.
 */
export function splitTarget(target: string): { rawPath: string; segments: string[]; query: URLSearchParams } {
  const mark = target.indexOf('?');
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  if (!rawPath.startsWith('/')) throw new HttpError(400, 'Bad request target');
  try {
    const segments = rawPath.slice(1).split('/').map(decodeURIComponent);
    return { rawPath, segments, query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)) };
  } catch {
    throw new HttpError(400, 'Bad percent encoding in the request target');
  }
}

/** Finds who answers a request and lets them. @throws HttpError. */
export async function route(x: Exchange): Promise<void> {
  const [first, ...rest] = x.segments;
  if (first === 'api') return routeApi(x, rest);
  if (first === '_lfs' && rest.length === 2) {
    return lfsTransfer(x, rest[0] as string, rest[1] as string);
  }
  const type: RepoType = first === 'datasets' ? 'dataset' : 'model';
  const [namespace, name, ...action] = type === 'dataset' ? rest : x.segments;
  if (!namespace || !name) throw repoNotFound(x.identity !== undefined);
  return routePages(x, type, namespace, name, action);
}

/** Everything outside /api: files and git-lfs. */
async function routePages(x: Exchange, type: RepoType, namespace: string, name: string, action: string[]) {
  const [verb, ...rest] = action;
  if (name.endsWith('.git') && x.method === 'POST') {
    const repo = readableRepo(x, type, `${namespace}/${name.slice(0, -4)}`);
    const call = action.join('/');
    if (call === 'info/lfs/objects/batch') return lfsBatch(x, repo);
    if (call === 'info/lfs/verify') return lfsVerify(x, repo);
  }
  const repo = readableRepo(x, type, `${namespace}/${name}`);
  if ((verb === 'resolve' || verb === 'raw') && (x.method === 'GET' || x.method === 'HEAD')) {
    return sendFile(x, repo, verb === 'raw', rest);
  }
  throw new HttpError(404, 'Not found');
}

async function routeApi(x: Exchange, segments: string[]): Promise<void> {
  const call = `${x.method} ${segments.slice(0, 2).join('/')}`;
  if (call === 'GET whoami-v2') return whoAmI(x);
  if (call === 'POST repos/create') return createRepo(x);
  if (call === 'DELETE repos/delete') return deleteRepo(x);
  if (call === 'POST validate-yaml') return validateYaml(x);
  if (segments[0] === 'telemetry') return sendJson(x, {});
  const type = TYPES.get(segments[0] ?? '');
  if (!type) throw new HttpError(404, 'Not found');
  if (segments.length === 1 && x.method === 'GET') return listRepos(x, type);
  const [namespace, name, verb, ...rest] = segments.slice(1);
  if (!namespace || !name) throw repoNotFound(x.identity !== undefined);
  return routeRepo(x, readableRepo(x, type, `${namespace}/${name}`), verb, rest);
}

async function routeRepo(x: Exchange, repo: Repo, verb: string | undefined, rest: string[]): Promise<void> {
  // HEAD is answered like GET, without the body.
  const method = x.method === 'HEAD' ? 'GET' : x.method;
  const name = rest.join('/');
  switch (`${method} ${verb ?? ''}`) {
    case 'GET ':
      return repoInfo(x, repo, []);
    case 'GET revision':
      return repoInfo(x, repo, rest);
    case 'GET tree':
      return listTree(x, repo, rest);
    case 'POST paths-info':
      return pathsInfo(x, repo, rest);
    case 'GET commits':
      return listCommits(x, repo, rest);
    case 'GET refs':
      return listRefs(x, repo);
    case 'GET auth-check':
      return authCheck(x, repo, rest[0]);
    case 'PUT settings':
      return changeSettings(x, repo);
    case 'POST preupload':
      return preupload(x, repo, name);
    case 'POST commit':
      return commit(x, repo, name);
    case 'POST branch':
      return createBranch(x, repo, name);
    case 'DELETE branch':
      return deleteRef(x, repo, 'branch', name);
    case 'POST tag':
      return createTag(x, repo, rest);
    case 'DELETE tag':
      return deleteRef(x, repo, 'tag', name);
    default:
      throw new HttpError(404, 'Not found');
  }
}
