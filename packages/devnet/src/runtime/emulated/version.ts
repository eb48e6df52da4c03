import { blake2AsU8a } from '@polkadot/util-crypto';
import { fromHex, toHex } from '../../scale/bytes.ts';
import type { RuntimeVersion } from '../runtime.ts';

/** The mainnet release that the emulation follows (July 2026). */
export const SPEC_VERSION = 424;

/** [trait, version] of the runtime APIs that the emulation answers; versions as in spec 424. */
export const RUNTIME_APIS: readonly (readonly [name: string, version: number])[] = [
  ['Core', 5],
  ['Metadata', 2],
  ['TaggedTransactionQueue', 3],
  ['AccountNonceApi', 1],
  ['TransactionPaymentApi', 4],
  ['AuraApi', 1],
  ['DelegateInfoRuntimeApi', 1],
  ['NeuronInfoRuntimeApi', 1],
  ['SubnetInfoRuntimeApi', 2],
  ['StakeInfoRuntimeApi', 1],
  ['SubnetRegistrationRuntimeApi', 1],
  ['SwapRuntimeApi', 1],
];

/** A runtime API is identified by the 64-bit BLAKE2 hash of its trait's name. */
const apiId = (name: string): string => toHex(blake2AsU8a(name, 64));

export function runtimeVersion(specVersion: number): RuntimeVersion {
  return {
    specName: 'node-subtensor',
    implName: 'node-subtensor',
    authoringVersion: 1,
    specVersion,
    implVersion: 1,
    apis: RUNTIME_APIS.map(([name, version]) => [apiId(name), version] as const),
    transactionVersion: 1,
    stateVersion: 1,
  };
}

/** The same as a value of type RuntimeVersion. */
export function versionValue(specVersion: number): unknown {
  const version = runtimeVersion(specVersion);
  return {
    spec_name: version.specName,
    impl_name: version.implName,
    authoring_version: version.authoringVersion,
    spec_version: version.specVersion,
    impl_version: version.implVersion,
    apis: version.apis.map(([id, number]) => [fromHex(id), number]),
    transaction_version: version.transactionVersion,
    system_version: version.stateVersion,
  };
}
