import './promise-shim.ts';

export type { DirectoryEntry, PeerDirectory } from './directory.ts';
export { loadPeerIdentity, type PeerIdentity } from './identity.ts';
export { type CallOptions, createPeer, type Peer, type PeerHandlers, type PeerOptions } from './peer.ts';
export { DEFAULT_QUOTAS, type Method, type Quota, type Quotas } from './quotas.ts';
