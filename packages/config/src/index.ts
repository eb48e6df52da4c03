export { dataDirOf, expandPath } from './data-dir.ts';
export { type ConfigSources, loadConfig } from './load.ts';
export type { ProfitRule } from './miner-policy.ts';
export { envName, minerOptions, type Option, validatorOptions } from './option.ts';
export {
  chainEndpoints,
  type MinerConfig,
  minerConfigSchema,
  NETWORK_ENDPOINTS,
  type NeuronConfig,
  NO_API_KEY,
  type SyntheticConfig,
  syntheticConfigSchema,
  type ValidatorConfig,
  validatorConfigSchema,
} from './schema.ts';
export { secretFromEnvironment } from './secrets.ts';
