import type { KeyringPair } from '@polkadot/keyring/types';
import type { Logger } from '@tuning/kit';

export interface SubnetSetupOptions {
  /** ws:// address of the devnet (or of any localnet whose sudo key is //Alice). */
  endpoint: string;
  /** Blocks per epoch. Default 20. */
  tempo?: number;
  /** A suri such as '//Alice' (the default) or a key pair: pays for the subnet and owns it. */
  ownerColdkey?: string | KeyringPair;
  /** Default '//Alice_hk'. Becomes uid 0, always with a validator permit. */
  ownerHotkey?: string | KeyringPair;
  /** Blocks; default 0. */
  weightsRateLimit?: number;
  /** Blocks; default 0. */
  servingRateLimit?: number;
  /** Default false. */
  commitReveal?: boolean;
  /** Addresses that each get `fundAmount` from //Alice. */
  fund?: readonly string[];
  /** RAO each; default 100 TAO. */
  fundAmount?: bigint;
  logger?: Logger;
  signal?: AbortSignal;
}

export interface SubnetSetup {
  netuid: number;
  ownerColdkey: string;
  ownerHotkey: string;
}

export function setUpSubnet(_options: SubnetSetupOptions): Promise<SubnetSetup> {
  throw new Error('setUpSubnet arrives with the next commit');
}
