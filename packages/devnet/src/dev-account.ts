import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import type { Signer } from '@tuning/kit';

/** Signer of a development account such as `//Alice`, which every devnet and localnet funds at genesis. */
export async function devAccount(suri: string): Promise<Signer> {
  await cryptoWaitReady();
  const pair = new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri(suri);
  return { address: pair.address, publicKey: pair.publicKey, sign: (message) => pair.sign(message) };
}
