import type { Logger } from '@tuning/kit';

export type TokenRole = 'read' | 'write';

export interface LocalHubOptions {
  /** Absolute folder that holds everything; one process at a time. */
  dataDir: string;
  /** Default 0: the system picks a free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  logger?: Logger;
}

export interface LocalHub {
  /** `http://host:port`, no slash at the end. */
  readonly endpoint: string;
  /** Makes a token `hf_…`. It is shown this once: the hub keeps its sha256 only. */
  createToken(args: { namespace: string; role: TokenRole }): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts a hub that unmodified Hugging Face clients can use: repos, revisions, LFS uploads, private and public.
 * @throws OperatorError `PORT_IN_USE`, `HUB_DATA_LOCKED`.
 */
export async function startHub(_options: LocalHubOptions): Promise<LocalHub> {
  throw new Error('not written yet');
}
