import './promise-shim.ts';
import { setMaxListeners } from 'node:events';
import type { Libp2p } from '@libp2p/interface';
import {
  BadInputError,
  errorMessage,
  type Logger,
  type Signer,
  silentLogger,
  TransientError,
  withDeadline,
} from '@tuning/kit';
import type { CurveAnswer, CurveRequest, OfferAnswer, StatusAnswer, TaskOffer } from '@tuning/protocol';
import { Client } from './client.ts';
import type { DirectoryEntry, PeerDirectory } from './directory.ts';
import { type GoodbyeReason, sayGoodbye } from './goodbye.ts';
import type { PeerIdentity } from './identity.ts';
import { portOf, startNode } from './node.ts';
import { type Protocols, protocolsWith } from './protocols.ts';
import { DEFAULT_QUOTAS, type Method, type Quotas } from './quotas.ts';
import { RateLimiter } from './rate-limiter.ts';
import { type ServerContext, serve } from './server.ts';
import { Sessions } from './sessions.ts';

/** What a daemon answers to others. A protocol without a handler is not spoken at all. */
export interface PeerHandlers {
  /** A BadInputError thrown here is shown to the asking side; other errors reach it without their message. */
  onOffer?: (from: DirectoryEntry, offer: TaskOffer, signal: AbortSignal) => Promise<OfferAnswer>;
  onStatus?: (from: DirectoryEntry, taskId: string, signal: AbortSignal) => Promise<StatusAnswer>;
  onCurve?: (from: DirectoryEntry, request: CurveRequest, signal: AbortSignal) => Promise<CurveAnswer>;
}

export interface PeerOptions {
  identity: PeerIdentity;
  hotkey: Signer;
  /** '0x' + 64 hex digits. */
  genesisHash: string;
  netuid: number;
  /** undefined: no open port; such a node dials others and is asked over those connections. Port 0: any free port. */
  listen: { host: string; port: number } | undefined;
  directory: PeerDirectory;
  handlers: PeerHandlers;
  quotas?: Partial<Quotas>;
  /** Time limits in ms of the asking side, per protocol; handlers get 80 % of them. */
  timeouts?: Partial<Record<Method, number>>;
  logger?: Logger;
  /** Unix time in ms, for certificates. Default `Date.now`. */
  now?: () => number;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface Peer {
  readonly peerId: string;
  /** The port listened on; 0 where not listening. */
  readonly port: number;
  /**
   * Looks the hotkey up in the directory, dials it where needed, and asks. All calls throw BadInputError
   * (`PEER_UNKNOWN`, `PEER_REFUSED` with `details.peerCode`, `PEER_UNSUPPORTED`, `PEER_BAD_ANSWER`,
   * `MESSAGE_TOO_LARGE`) or TransientError (`PEER_UNREACHABLE`, `PEER_TIMEOUT`, `PEER_RATE_LIMITED` with
   * `details.retryAfterMs`, `PEER_UNAVAILABLE`, `PEER_FAILED`, `PEER_IDENTITY_MISMATCH`, `PEER_STOPPED`).
   */
  offer(hotkey: string, offer: TaskOffer, options?: CallOptions): Promise<OfferAnswer>;
  status(hotkey: string, taskId: string, options?: CallOptions): Promise<StatusAnswer>;
  /** The loss curve that the miner has of a task, from a step on: at most LIMITS.curveAnswerPoints points, a hint only. */
  curve(hotkey: string, request: CurveRequest, options?: CallOptions): Promise<CurveAnswer>;
  /** Dials and does the hello, so that the other side can ask back over the connection. */
  connect(hotkey: string, options?: CallOptions): Promise<void>;
  /** Call after the directory changed: says goodbye to connected peers that lost their entry and closes them. */
  refresh(): Promise<void>;
  /** Says goodbye to everyone, aborts handlers and waiting calls, closes the port. May be called again. */
  stop(): Promise<void>;
}

/** Longest wait for libp2p to stop, goodbyes excluded; it takes milliseconds. */
const STOP_MS = 3_000;

/**
 * Starts a peer.
 * @throws OperatorError `PORT_IN_USE` or `LISTEN_FAILED`.
 */
export async function createPeer(options: PeerOptions): Promise<Peer> {
  const { identity, hotkey, genesisHash, netuid, listen, directory, handlers } = options;
  const logger = (options.logger ?? silentLogger).child({ module: 'p2p' });
  const node = await startNode({ identity, listen, directory, logger });
  const stopping = new AbortController();
  // Every open request listens to it; the default warns above ten.
  setMaxListeners(0, stopping.signal);
  const now = options.now ?? Date.now;
  const sessions = new Sessions({ signer: hotkey, genesisHash, netuid, directory, now });
  const protocols = protocolsWith(options.timeouts);
  const limiter = new RateLimiter({ ...DEFAULT_QUOTAS, ...options.quotas });
  const server: ServerContext = { node, sessions, limiter, directory, logger, stopping: stopping.signal };
  await registerProtocols(server, protocols, handlers);
  const client = new Client({ node, sessions, directory, protocols, stopping: stopping.signal });
  const port = portOf(node);
  logger.info({ peerId: identity.peerId, host: listen?.host, port }, 'p2p is up');
  let stopped: Promise<void> | undefined;
  return {
    peerId: identity.peerId,
    port,
    offer: (to, offer, call) => client.request(to, protocols.task, { offer }, call?.signal),
    status: (to, taskId, call) => client.request(to, protocols.status, { taskId }, call?.signal),
    curve: (to, request, call) => client.request(to, protocols.curve, request, call?.signal),
    connect: (to, call) => client.connect(to, call?.signal),
    refresh: () => closeDeparted(node, sessions, directory, protocols, logger),
    stop: () => {
      stopped ??= stopNode(node, stopping, protocols, logger);
      return stopped;
    },
  };
}

async function registerProtocols(server: ServerContext, protocols: Protocols, handlers: PeerHandlers): Promise<void> {
  const { sessions, logger, node } = server;
  const { onOffer, onStatus, onCurve } = handlers;
  await serve(server, protocols.hello, async ({ connection, entry }, hello) => {
    const refusal = sessions.accept(connection, hello);
    if (refusal) {
      logger.warn({ hotkey: entry.hotkey, reason: refusal }, 'refused a hello');
      throw new BadInputError(refusal, `your hello was refused: ${refusal}`);
    }
    return sessions.ownHello(connection, node.peerId);
  });
  await serve(server, protocols.goodbye, async ({ entry, connection }, { reason }) => {
    sessions.leave(connection);
    logger.debug({ hotkey: entry.hotkey, reason }, 'a peer said goodbye');
    return {};
  });
  if (onOffer) await serve(server, protocols.task, ({ entry }, { offer }, signal) => onOffer(entry, offer, signal));
  if (onStatus)
    await serve(server, protocols.status, ({ entry }, { taskId }, signal) => onStatus(entry, taskId, signal));
  if (onCurve) await serve(server, protocols.curve, ({ entry }, request, signal) => onCurve(entry, request, signal));
}

async function closeDeparted(
  node: Libp2p,
  sessions: Sessions,
  directory: PeerDirectory,
  protocols: Protocols,
  logger: Logger,
): Promise<void> {
  const closing = node.getConnections().map(async (connection) => {
    const hotkey = sessions.hotkeyOf(connection);
    const state = sessions.identify(connection);
    // One that has not said hello yet may stay while its key is in the directory.
    if (typeof state === 'object' || (state === 'HELLO_NEEDED' && hotkey === undefined)) return;
    const reason: GoodbyeReason = hotkey && directory.byHotkey(hotkey) ? 'key_rotated' : 'not_registered';
    logger.info({ peer: connection.remotePeer.toString(), hotkey, reason }, 'closing a connection');
    sessions.leave(connection);
    await sayGoodbye(connection, protocols, reason);
  });
  await Promise.all(closing);
}

async function stopNode(node: Libp2p, stopping: AbortController, protocols: Protocols, logger: Logger): Promise<void> {
  stopping.abort(new TransientError('PEER_STOPPED', 'the p2p node was stopped'));
  await Promise.all(node.getConnections().map((connection) => sayGoodbye(connection, protocols, 'shutdown')));
  try {
    await withDeadline('stopping p2p', STOP_MS, async () => node.stop());
  } catch (error) {
    logger.warn({ error: errorMessage(error) }, 'libp2p did not stop cleanly');
  }
}
