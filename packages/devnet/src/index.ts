export { devAccount } from './dev-account.ts';
export * from './hub/index.ts';
export { type DrandPulse, drandPulseEntries } from './runtime/wasm/drand-pulse.ts';
export { type DevnetNode, type DevnetNodeOptions, startDevnetNode } from './start-node.ts';
export { type SubnetSetup, type SubnetSetupOptions, setUpSubnet } from './subnet-setup.ts';
