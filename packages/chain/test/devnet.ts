import { randomBytes } from 'node:crypto';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady, encodeAddress, sr25519PairFromSeed, sr25519Sign } from '@polkadot/util-crypto';
import { type DevnetNode, type DevnetNodeOptions, setUpSubnet, startDevnetNode } from '@tuning/devnet';
import type { Signer } from '@tuning/kit';
import { type Chain, connectChain } from '../src/index.ts';

export const ONE_TAO = 1_000_000_000n;

/** A key of the devnet's own making, such as `//Alice`. */
export async function devSigner(suri: string): Promise<Signer> {
  await cryptoWaitReady();
  const pair = new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri(suri);
  return { address: pair.address, publicKey: pair.publicKey, sign: (message) => pair.sign(message) };
}

export function newSigner(): Signer {
  const pair = sr25519PairFromSeed(randomBytes(32));
  return {
    address: encodeAddress(pair.publicKey, 42),
    publicKey: pair.publicKey,
    sign: (message) => sr25519Sign(message, pair),
  };
}

export interface TestSubnet {
  node: DevnetNode;
  chain: Chain;
  netuid: number;
  /** Funded with 100 TAO. */
  coldkey: Signer;
  /** uid 0, with a validator permit. */
  owner: Signer;
  /** A registered hotkey. */
  addHotkey(): Promise<Signer>;
  close(): Promise<void>;
}

export async function startTestSubnet(
  options: DevnetNodeOptions & {
    tempo?: number;
    weightsRateLimit?: number;
    servingRateLimit?: number;
    commitReveal?: boolean;
  } = {},
): Promise<TestSubnet> {
  const node = await startDevnetNode({ blockMs: 100, ...options });
  const coldkey = newSigner();
  const { netuid } = await setUpSubnet({
    endpoint: node.endpoint,
    tempo: options.tempo ?? 20,
    fund: [coldkey.address],
    weightsRateLimit: options.weightsRateLimit ?? 0,
    servingRateLimit: options.servingRateLimit ?? 0,
    commitReveal: options.commitReveal ?? false,
  });
  const chain = await connectChain({ endpoints: [node.endpoint] });
  return {
    node,
    chain,
    netuid,
    coldkey,
    owner: await devSigner('//Alice_hk'),
    addHotkey: async () => {
      const hotkey = newSigner();
      await chain.register({ netuid, hotkey: hotkey.address, coldkey, maxBurn: 20n * ONE_TAO });
      return hotkey;
    },
    close: async () => {
      await chain.close();
      await node.close();
    },
  };
}
