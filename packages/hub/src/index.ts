export * from './hub.ts';
export { createHub } from './hub-client.ts';
