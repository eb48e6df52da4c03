import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { BadInputError, type Secret, TransientError } from '@tuning/kit';
import { revisionSchema, sha256Schema } from '@tuning/protocol';
import { z } from 'zod';
import { type CallContext, tokenMissing, toTuningError } from './errors.ts';
import type { HubFile, RepoRef } from './hub.ts';
import { createHubFetch, type FetchCall, type FetchSettings } from './hub-fetch.ts';

/** Files of one repo that are listed; a repo with more is refused. */
const MAX_LISTED_FILES = 100_000;
/** Pages of one listing. The hub puts 1000 entries on a page; the local hub in tests fewer. */
const MAX_LIST_PAGES = 2_000;

const entrySchema = z.object({
  type: z.string(),
  path: z.string().max(4096),
  size: z.number().int().min(0),
  oid: revisionSchema.optional(),
  lfs: z.object({ oid: sha256Schema, size: z.number().int().min(0) }).optional(),
});

/** Endpoint, token and transport, shared by all calls of one Hub. */
export class Session {
  readonly settings: FetchSettings;
  readonly #token: Secret | undefined;

  constructor(settings: FetchSettings, token: Secret | undefined) {
    this.settings = settings;
    this.#token = token;
  }

  get endpoint(): string {
    return this.settings.endpoint;
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  /** @throws OperatorError `HUB_TOKEN_MISSING`. */
  requireToken(what: string): string {
    if (!this.#token) throw tokenMissing(what);
    return this.#token.reveal();
  }

  /** What every library call gets: it reads no environment, so both are always explicit. */
  access(call: FetchCall): { hubUrl: string; accessToken?: string; fetch: typeof fetch } {
    return {
      hubUrl: this.endpoint,
      ...(this.#token ? { accessToken: this.#token.reveal() } : {}),
      fetch: createHubFetch(this.settings, call),
    };
  }

  authorization(): Record<string, string> {
    return this.#token ? { Authorization: `Bearer ${this.#token.reveal()}` } : {};
  }

  /** Runs a call and turns what it throws into a public error; an abort throws the signal's reason. */
  async guard<T>(what: string, ref: RepoRef | undefined, signal: AbortSignal | undefined, work: () => Promise<T>) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw toTuningError(error, this.context(what, ref));
    }
  }

  context(what: string, ref: RepoRef | undefined): CallContext {
    return {
      what,
      endpoint: this.endpoint,
      hasToken: this.hasToken,
      ...(ref ? { repo: `${ref.type} ${ref.repo}` } : {}),
    };
  }

  /** Commit id and privacy of a revision. */
  async info(
    ref: RepoRef,
    revision: string | undefined,
    signal?: AbortSignal,
  ): Promise<{ revision: string; private: boolean }> {
    const what = `read ${ref.type} ${ref.repo}${revision ? ` at ${revision}` : ''}`;
    return this.guard(what, ref, signal, async () => {
      const args = { name: ref.repo, ...(revision ? { revision } : {}), ...this.access({ signal }) };
      const info =
        ref.type === 'model'
          ? await modelInfo({ ...args, additionalFields: ['sha'] })
          : await datasetInfo({ ...args, additionalFields: ['sha'] });
      const parsed = z.object({ sha: revisionSchema, private: z.boolean() }).safeParse(info);
      if (!parsed.success) throw badAnswer(what);
      return { revision: parsed.data.sha, private: parsed.data.private };
    });
  }

  /** All files at a commit. */
  async files(ref: RepoRef & { revision: string }, signal?: AbortSignal): Promise<HubFile[]> {
    const what = `list ${ref.type} ${ref.repo} at ${ref.revision}`;
    return this.guard(what, ref, signal, async () => {
      const files: HubFile[] = [];
      const rows = listFiles({
        repo: { type: ref.type, name: ref.repo },
        revision: ref.revision,
        recursive: true,
        ...this.access({ signal, maxRequests: MAX_LIST_PAGES }),
      });
      for await (const row of rows) {
        const parsed = entrySchema.safeParse(row);
        if (!parsed.success) throw badAnswer(what);
        const { type, path, size, oid, lfs } = parsed.data;
        if (type !== 'file') continue;
        if (lfs) files.push({ path, size: lfs.size, sha256: lfs.oid });
        else if (oid) files.push({ path, size, blob: oid });
        else throw badAnswer(what);
        if (files.length > MAX_LISTED_FILES) {
          throw new BadInputError('HUB_LIST_LIMIT', `${ref.repo} has over ${MAX_LISTED_FILES} files: refused`);
        }
      }
      return files;
    });
  }
}

function badAnswer(what: string): TransientError {
  return new TransientError('HUB_UNAVAILABLE', `could not ${what}: the hub's answer has an unknown form`);
}
