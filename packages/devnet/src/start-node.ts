import type { Logger } from '@tuning/kit';

export interface DevnetNodeOptions {
  /** 0 (the default) takes any free port. */
  port?: number;
  host?: string;
  /** Milliseconds between blocks (default 250), or 'instant': a block as soon as a transaction is ready. */
  blockMs?: number | 'instant';
  /** How many blocks finality trails the best block (default 0: finalised at once). */
  finalityLag?: number;
  /** Not used by the emulated runtime (its state lives in memory); accepted so that callers can name one folder. */
  dataDir?: string;
  logger?: Logger;
}

export interface DevnetNode {
  /** ws://127.0.0.1:PORT */
  readonly endpoint: string;
  readonly port: number;
  close(): Promise<void>;
}

export function startDevnetNode(_options: DevnetNodeOptions = {}): Promise<DevnetNode> {
  throw new Error('startDevnetNode arrives with the next commit');
}
