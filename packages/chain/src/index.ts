export type { BlockRef } from './block-ref.ts';
export type {
  AtBlock,
  CallOptions,
  Chain,
  ChainCommitment,
  CommitArgs,
  ConnectOptions,
  HashedWeights,
  ReadOptions,
  RegisterArgs,
  RevealTime,
  RevealWeightsArgs,
  ServeArgs,
  SetWeightsArgs,
  SetWeightsResult,
  TransferArgs,
  WatchCommitmentsArgs,
} from './chain.ts';
export { ChainError } from './chain-error.ts';
export { connectChain } from './connect.ts';
export { ENDPOINT_FAULTS, type EndpointFault } from './endpoint-fault.ts';
export { type EpochClock, epochAt, revealWindow, startOfEpoch } from './epoch-clock.ts';
export type { Hyperparameters } from './hyperparameters.ts';
export type { Axon, Metagraph, Neuron } from './metagraph.ts';
export { type Beacon, beaconFromSecret, QUICKNET, roundAt, roundTime } from './timelock/beacon.ts';
export { type TimelockArgs, timelockDecrypt, timelockEncrypt, timelockEncryptInSteps } from './timelock/cipher.ts';
export {
  decodeWeightsPayload,
  encodeWeightsPayload,
  type WeightsPayload,
  weightsCommitHash,
} from './timelock/weights-payload.ts';
export type { WeightCommit } from './weight-commits.ts';
