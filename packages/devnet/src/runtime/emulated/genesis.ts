import { Keyring } from '@polkadot/keyring';
import { toHex } from '../../scale/bytes.ts';
import type { RuntimeState } from '../runtime.ts';
import { setBalance } from './balances-ledger.ts';
import { createSubnet } from './pallets/subtensor/networks.ts';
import { appendNeuron, createAccount } from './pallets/subtensor/neurons.ts';
import { subtensor as s } from './pallets/subtensor/storage.ts';
import { sudoStorage } from './pallets/sudo.ts';
import { ZERO_HASH } from './pallets/system.ts';

/** RAO; as node/src/chain_spec/localnet.rs endows them. */
const RICH = 1_000_000_000_000_000n;
const MODEST = 2_000_000_000_000n;
const RICH_NAMES = ['Alice', 'Bob', 'Charlie'];
const MODEST_NAMES = ['Dave', 'Eve', 'Ferdie', 'One', 'Two', 'Three'];
const POOL = 10_000_000_000n;

/** Writes the localnet genesis: dev accounts, sudo //Alice, subnets 0 (root) and 1. Crypto must be ready. */
export function buildGenesis(state: RuntimeState): void {
  const keyring = new Keyring({ type: 'sr25519' });
  const account = (suri: string): string => toHex(keyring.createFromUri(suri).publicKey);
  for (const name of RICH_NAMES) setBalance(state, account(`//${name}`), RICH);
  for (const name of MODEST_NAMES) setBalance(state, account(`//${name}`), MODEST);
  sudoStorage.Key.put(state, account('//Alice'));

  createSubnet(state, 0, 0);
  s.MaxAllowedUids.put(state, 0, 64);
  s.MaxAllowedValidators.put(state, 0, 64);
  s.Tempo.put(state, 0, 100);
  s.MinAllowedWeights.put(state, 0, 0);
  s.NetworkRegistrationAllowed.put(state, 0, true);
  s.SubtokenEnabled.put(state, 0, true);
  s.TargetRegistrationsPerInterval.put(state, 0, 1);
  s.SubnetOwner.put(state, 0, account('//Alice'));
  s.SubnetOwnerHotkey.put(state, 0, account('//Alice_hk'));

  createSubnet(state, 1, 0);
  s.SubnetMechanism.put(state, 1, 1);
  s.MaxAllowedUids.put(state, 1, 256);
  s.MaxAllowedValidators.put(state, 1, 64);
  s.SubnetOwner.put(state, 1, ZERO_HASH);
  s.Tempo.put(state, 1, 100);
  s.MinAllowedWeights.put(state, 1, 0);
  s.SubnetTAO.put(state, 1, POOL);
  s.SubnetAlphaIn.put(state, 1, POOL);
  createAccount(state, ZERO_HASH, ZERO_HASH);
  appendNeuron(state, 1, ZERO_HASH, 0);
}
