import { BadInputError, isTuningError, OperatorError, TransientError, type TuningError } from '@tuning/kit';

/** An answer of the hub with a status of 400 or more. Internal: `toTuningError` turns it into one of the public codes. */
export class HubHttpError extends Error {
  override readonly name = 'HubHttpError';
  readonly status: number;
  /** `X-Error-Code` of the answer, e.g. RepoNotFound. */
  readonly hubCode: string | undefined;
  /** The hub's own words: cut to 200 characters, without URLs. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, hubCode: string | undefined, reason: string, retryAfterMs: number | undefined) {
    super(`the hub answered ${status}: ${reason}`);
    this.status = status;
    this.hubCode = hubCode;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a call was about, for the message. */
export interface CallContext {
  /** E.g. `read model alice/x`. */
  what: string;
  endpoint: string;
  hasToken: boolean;
  /** The repo the call needs; without it a 404 is not about a repo. */
  repo?: string;
}

const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/** Whether the same request may well succeed a little later. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/** Replaces the query of every URL in a text: upload and CDN links carry signatures there. Tokens go as well. */
export function redact(text: string): string {
  return text.replace(/(https?:\/\/[^\s?"'<>]*)\?[^\s"'<>]*/g, '$1?[redacted]').replace(/hf_\w+/g, 'hf_[redacted]');
}

/** One of the public errors for whatever a request threw. Errors that are public already pass through. */
export function toTuningError(error: unknown, context: CallContext): TuningError {
  if (isTuningError(error)) return error;
  if (error instanceof HubHttpError) return fromStatus(error, context);
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const text = error instanceof Error ? error.message : String(error);
  return new TransientError(
    'HUB_UNAVAILABLE',
    `could not ${context.what} at ${context.endpoint}: ${redact(`${text}${cause}`)}`,
  );
}

function fromStatus(error: HubHttpError, context: CallContext): TuningError {
  const { status, hubCode, reason } = error;
  const { what, endpoint, hasToken, repo } = context;
  const details = { status, ...(hubCode ? { hubCode } : {}) };
  if (isPassing(status)) {
    const limited = status === 429;
    return new TransientError(
      limited ? 'HUB_RATE_LIMITED' : 'HUB_UNAVAILABLE',
      `could not ${what}: ${endpoint} ${limited ? 'limits our requests' : `answers ${status}`} (${reason}); try again later`,
      { details },
    );
  }
  if (hubCode === 'RevisionNotFound') {
    return new BadInputError('HUB_REVISION_NOT_FOUND', `could not ${what}: the repo has no such revision`, { details });
  }
  if (hubCode === 'EntryNotFound') {
    return new BadInputError('HUB_FILE_NOT_FOUND', `could not ${what}: the repo has no such file`, { details });
  }
  if (hubCode === 'GatedRepo') {
    return new BadInputError('HUB_REPO_GATED', `could not ${what}: the repo is gated, ask its owner for access`, {
      details,
    });
  }
  // Without this code a 401 is about the token itself: unknown, revoked or expired.
  if (status === 401 && hasToken && hubCode !== 'RepoNotFound') {
    return new OperatorError('HUB_TOKEN_INVALID', `${endpoint} does not accept the HF token: set a valid HF_TOKEN`, {
      details,
    });
  }
  if (status === 401 && !hasToken && repo === undefined) return tokenMissing(what);
  if ((status === 401 || status === 404) && repo !== undefined) {
    const hint = hasToken ? 'or the token may not see it' : 'or it is private and no HF_TOKEN is set';
    return new BadInputError('HUB_REPO_NOT_FOUND', `could not ${what}: there is no ${repo} at ${endpoint}, ${hint}`, {
      details,
    });
  }
  if (status === 403) {
    return new OperatorError('HUB_FORBIDDEN', `could not ${what}: ${endpoint} forbids it (${reason})`, { details });
  }
  return new BadInputError('HUB_REFUSED', `could not ${what}: ${endpoint} answers ${status} (${reason})`, { details });
}

export function tokenMissing(what: string): OperatorError {
  return new OperatorError(
    'HUB_TOKEN_MISSING',
    `a Hugging Face token is needed to ${what}: set HF_TOKEN (or HF_TOKEN_FILE)`,
  );
}
