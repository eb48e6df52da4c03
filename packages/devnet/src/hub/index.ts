export { checkHub, type HubCheckOptions, type HubOrphan, type HubReport } from './check-hub.ts';
export type { HubLimits } from './exchange.ts';
export { type LocalHub, type LocalHubOptions, startHub } from './hub-server.ts';
export type { TokenRequest, TokenRole } from './tokens.ts';
