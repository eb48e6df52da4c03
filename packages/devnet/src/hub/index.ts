export { type LocalHub, type LocalHubOptions, startHub, type TokenRole } from './hub-server.ts';
