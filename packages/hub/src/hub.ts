import type { Logger, Secret } from '@tuning/kit';

/** The hub everybody knows; a local hub is named by its own URL. */
export const HUGGING_FACE = 'https://huggingface.co';

export type RepoType = 'model' | 'dataset';
export type Visibility = 'public' | 'private';

/** One repo: its type and its `namespace/name`. */
export interface RepoRef {
  type: RepoType;
  repo: string;
}

/** One file of a repo at one commit. */
export interface HubFile {
  path: string;
  /** Bytes of the content (for an LFS file: of the object, not of its pointer). */
  size: number;
  /** sha256 of the content; present for LFS files only. */
  sha256?: string;
  /** Git's own blob id (sha1) of the content; present for files that are not LFS. */
  blob?: string;
}

export interface DownloadedFile {
  path: string;
  size: number;
  /** sha256 of the bytes on disk, computed while they were written. */
  sha256: string;
}

/** A file to publish: its path in the repo and its bytes, given or named by an absolute path. */
export interface HubUpload {
  path: string;
  content: string | Uint8Array;
}

export interface HubProgress {
  doneBytes: number;
  totalBytes: number;
  /** The file that moved last. */
  path: string;
}

export interface HubCallOptions {
  signal?: AbortSignal;
  onProgress?: (progress: HubProgress) => void;
}

export interface HubOptions {
  /** Base URL, e.g. `https://huggingface.co` or the local hub's. */
  endpoint: string;
  /** `hf_…`; needed for everything private and for every write. */
  token?: Secret;
  logger?: Logger;
  /** Limit of one request without a body of file bytes, in ms. Default 30 000. File bodies have an idle limit instead. */
  timeoutMs?: number;
  /** Longest silence while file bytes flow, in ms. Default 60 000. */
  idleMs?: number;
  /** Tries of a request that may be repeated, the first included. Default 5. */
  attempts?: number;
  /** First wait between tries in ms; it doubles each time. Default 500. */
  retryBaseMs?: number;
  /** Bytes of a large file that one request brings; up to 4 such requests run at once. Default 32 MiB. */
  pieceBytes?: number;
}

export interface DownloadArgs extends RepoRef {
  /** 40-hex commit id. */
  revision: string;
  /** Absolute folder; made if absent. Each file appears in it whole or not at all. */
  to: string;
  /** Checked against the hub's file list before the first byte is asked for, and again while bytes arrive. */
  limits: { maxBytes: number; maxFiles: number };
  /** Which paths to take; the others are neither counted nor downloaded. Default: all. */
  accept?: (path: string) => boolean;
}

export interface PublishArgs extends RepoRef {
  visibility: Visibility;
  files: HubUpload[];
  message: string;
}

/**
 * What the project does with a Hugging Face Hub. Every method throws, besides what it names itself: BadInputError
 * `HUB_REPO_NOT_FOUND` and `HUB_BAD_NAME`, OperatorError `HUB_TOKEN_MISSING`, `HUB_TOKEN_INVALID` and `HUB_FORBIDDEN`,
 * TransientError `HUB_UNAVAILABLE` and `HUB_RATE_LIMITED` after its own retries, and the signal's reason on abort.
 */
export interface Hub {
  readonly endpoint: string;
  /** Whose token this is. @throws OperatorError `HUB_TOKEN_MISSING`, `HUB_TOKEN_INVALID`. */
  whoAmI(options?: HubCallOptions): Promise<{ name: string; role: string; orgs: string[] }>;
  /** Checks before any work that the token may write under `namespace`. @throws OperatorError `HUB_TOKEN_READ_ONLY`, `HUB_WRONG_NAMESPACE`. */
  requireWrite(namespace: string, options?: HubCallOptions): Promise<void>;
  /** Turns a branch, tag or commit (default: the head of `main`) into a 40-hex commit id. @throws BadInputError `HUB_REVISION_NOT_FOUND`. */
  resolve(
    ref: RepoRef & { revision?: string },
    options?: HubCallOptions,
  ): Promise<{ revision: string; private: boolean }>;
  /** All files at a commit, folders left out. @throws BadInputError `HUB_REVISION_NOT_FOUND`, `HUB_LIST_LIMIT`. */
  list(ref: RepoRef & { revision: string }, options?: HubCallOptions): Promise<HubFile[]>;
  /**
   * Adds or replaces the files given in one commit on `main`, making the repo first if it is absent; an existing repo is
   * set to `visibility`. Publishing what is there already returns the head commit. Refuses symlinks and dot-files.
   * @throws BadInputError `HUB_BAD_PATH`, `HUB_FILE_UNREADABLE`; OperatorError `HUB_TOKEN_READ_ONLY`, `HUB_WRONG_NAMESPACE`;
   * TransientError `HUB_CONFLICT` when others kept committing in between.
   */
  publish(args: PublishArgs, options?: HubCallOptions): Promise<{ revision: string }>;
  /** Makes a repo public or private. */
  setVisibility(ref: RepoRef, visibility: Visibility, options?: HubCallOptions): Promise<void>;
  /**
   * Downloads the accepted files of a commit into `to`, several at once and large ones in several pieces at once, checking
   * size and sha256 or git blob id. Files already there with the right content are kept. What an earlier call, also of a
   * killed process, left of a file in hidden `.part` files of that folder is gone on with.
   * @throws BadInputError `HUB_DOWNLOAD_LIMIT`, `HUB_HASH_MISMATCH`, `HUB_BAD_PATH`, `HUB_REVISION_NOT_FOUND`.
   */
  download(args: DownloadArgs, options?: HubCallOptions): Promise<DownloadedFile[]>;
}
