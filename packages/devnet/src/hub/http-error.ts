import { TuningError } from '@tuning/kit';

/** Values of the `X-Error-Code` header that Hugging Face clients turn into their own error classes. */
export type HubErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound' | 'GatedRepo';

/** A refusal with its HTTP status; the server turns it into JSON plus the error headers of the hub. */
export class HttpError extends TuningError {
  readonly status: number;
  readonly hubCode: HubErrorCode | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Further members of the JSON answer. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    options: { hubCode?: HubErrorCode; headers?: Record<string, string>; body?: Record<string, unknown> } = {},
  ) {
    super('HUB_HTTP', message);
    this.status = status;
    this.hubCode = options.hubCode;
    this.headers = options.headers ?? {};
    this.body = options.body ?? {};
  }
}

/** One answer for "absent" and "private to others", so that nobody can tell them apart. 401 tells a client to log in. */
export function repoNotFound(loggedIn: boolean): HttpError {
  return loggedIn
    ? new HttpError(404, 'Repository not found', { hubCode: 'RepoNotFound' })
    : new HttpError(401, 'Repository not found, or it is private and a token is needed', { hubCode: 'RepoNotFound' });
}

export function entryNotFound(commit?: string): HttpError {
  // Python caches the absence of a file under its commit, so the 404 must name it.
  return new HttpError(404, 'Entry not found', {
    hubCode: 'EntryNotFound',
    ...(commit ? { headers: { 'X-Repo-Commit': commit } } : {}),
  });
}
