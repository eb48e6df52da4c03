import './promise-shim.ts';
import { isIP } from 'node:net';
import { identify } from '@libp2p/identify';
import type { Connection, ConnectionGater, Libp2p, PeerId } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { errorMessage, type Logger, OperatorError } from '@tuning/kit';
import { createLibp2p } from 'libp2p';
import type { DirectoryEntry, PeerDirectory } from './directory.ts';
import type { PeerIdentity } from './identity.ts';
import { libp2pLogger } from './libp2p-logger.ts';
import { ed25519KeyOf } from './peer-key.ts';

/** libp2p's limits, where its defaults do not fit; measured in 50-node and attack runs. */
const NODE_LIMITS = {
  /** A subnet has 256 neurons; the rest are connections that are being replaced. */
  maxConnections: 512,
  /** Default 10: ten silent sockets would lock everyone out until the upgrade timeout. */
  maxIncomingPendingConnections: 64,
  /** Default 5 per second and IP: of 50 miners behind one address 45 would be cut off. */
  inboundConnectionThreshold: 64,
  /** Default 10 s; an honest upgrade takes milliseconds. */
  inboundUpgradeTimeout: 5_000,
  maxParallelDials: 32,
  dialTimeout: 10_000,
  /** Streams of one connection, all protocols together. */
  streamsPerConnection: 64,
  /** One is enough; two sides may dial at once, and a half-open one may linger. */
  connectionsPerPeer: 4,
} as const;

/** The directory's entry of a peer, by the key that noise proved. */
export function entryOf(directory: PeerDirectory, peer: PeerId): DirectoryEntry | undefined {
  const key = ed25519KeyOf(peer);
  return key && directory.byPeerKey(key);
}

/** `/ip4/<host>/tcp/<port>` with an optional `/p2p/<PeerId>`; undefined where `host` is no IP address. */
export function addressOf(host: string, port: number, peerId?: string): Multiaddr | undefined {
  const family = isIP(host);
  if (family === 0) return undefined;
  return multiaddr(`/ip${family}/${host}/tcp/${port}${peerId === undefined ? '' : `/p2p/${peerId}`}`);
}

/**
 * Allow-list from the directory, asked anew for every connection. Right after noise is the first moment at which the
 * remote key is proved, and still before the muxer, so a stranger never reaches a protocol.
 */
function gaterOf(directory: PeerDirectory, connectionsOf: (peer: PeerId) => Connection[], logger: Logger) {
  return {
    denyDialPeer: (peer) => !entryOf(directory, peer),
    denyInboundEncryptedConnection: (peer) => {
      if (!entryOf(directory, peer)) {
        logger.debug({ peer: peer.toString() }, 'refused a peer that is not in the metagraph');
        return true;
      }
      return connectionsOf(peer).length >= NODE_LIMITS.connectionsPerPeer;
    },
  } satisfies ConnectionGater;
}

/**
 * A started libp2p node: TCP, noise, yamux, identify and nothing else; the metagraph is the only peer discovery.
 * @throws OperatorError `PORT_IN_USE` or `LISTEN_FAILED`.
 */
export async function startNode(args: {
  identity: PeerIdentity;
  listen: { host: string; port: number } | undefined;
  directory: PeerDirectory;
  logger: Logger;
}): Promise<Libp2p> {
  const { identity, listen, directory, logger } = args;
  const address = listen && addressOf(listen.host, listen.port);
  if (listen && !address) {
    throw new OperatorError(
      'LISTEN_FAILED',
      `cannot listen on ${listen.host}: give an IP address, for instance 0.0.0.0`,
    );
  }
  let node: Libp2p | undefined;
  const gater = gaterOf(directory, (peer) => node?.getConnections(peer) ?? [], logger);
  node = await createLibp2p({
    start: false,
    privateKey: identity.privateKey,
    nodeInfo: { name: 'tuning', version: '1', userAgent: 'tuning/1' },
    addresses: { listen: address ? [address.toString()] : [] },
    transports: [tcp({ maxConnections: NODE_LIMITS.maxConnections })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxInboundStreams: NODE_LIMITS.streamsPerConnection })],
    connectionGater: gater,
    connectionManager: {
      maxConnections: NODE_LIMITS.maxConnections,
      maxIncomingPendingConnections: NODE_LIMITS.maxIncomingPendingConnections,
      inboundConnectionThreshold: NODE_LIMITS.inboundConnectionThreshold,
      inboundUpgradeTimeout: NODE_LIMITS.inboundUpgradeTimeout,
      maxParallelDials: NODE_LIMITS.maxParallelDials,
      dialTimeout: NODE_LIMITS.dialTimeout,
    },
    // It aborts a whole connection on one late ping; yamux keeps sockets alive, and requests have own deadlines.
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
    logger: libp2pLogger(logger),
  });
  try {
    await node.start();
    return node;
  } catch (error) {
    await node.stop();
    throw listenError(listen, error);
  }
}

function listenError(listen: { host: string; port: number } | undefined, error: unknown): unknown {
  if (!listen) return error;
  const where = `${listen.host}:${listen.port}`;
  const text = errorMessage(error);
  if (text.includes('EADDRINUSE')) {
    const message = `port ${listen.port} on ${listen.host} is in use: stop the other process or choose another p2p port`;
    return new OperatorError('PORT_IN_USE', message, { details: { ...listen } });
  }
  const reason = /E[A-Z]{4,}/.exec(text)?.[0] ?? text.replaceAll('\n', ' ');
  return new OperatorError('LISTEN_FAILED', `cannot listen on ${where} (${reason}): check the host and the port`, {
    cause: error,
    details: { ...listen },
  });
}

/** The TCP port listened on, 0 where not listening. */
export function portOf(node: Libp2p): number {
  for (const address of node.getMultiaddrs()) {
    const port = address.getComponents().find(({ name }) => name === 'tcp')?.value;
    if (port !== undefined) return Number(port);
  }
  return 0;
}
