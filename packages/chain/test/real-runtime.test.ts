import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ApiOptions, SubmittableExtrinsic } from '@polkadot/api/types';
import { Keyring } from '@polkadot/keyring';
import { xxhashAsU8a } from '@polkadot/util-crypto';
import { type DevnetNode, startDevnetNode } from '@tuning/devnet';
import type { Signer } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, connectChain, encodeWeightsPayload, timelockEncrypt } from '../src/index.ts';
import { devSigner, newSigner, ONE_TAO } from './devnet.ts';
import { devBeacon, pulsePair, putStorage } from './drand-storage.ts';

/** A chain specification or a wasm with a real runtime; spec 293 is what these expectations are of. */
const runtime = process.env['SUBTENSOR_RUNTIME'];
const TEMPO = 20;

describe.skipIf(!runtime)('against a real runtime (SUBTENSOR_RUNTIME)', () => {
  let node: DevnetNode;
  let api: ApiPromise;
  let chain: Chain;
  let netuid: number;
  let owner: Signer;
  const alice = new Keyring({ type: 'sr25519' });

  const send = (extrinsic: SubmittableExtrinsic<'promise'>, suri = '//Alice') =>
    new Promise<void>((resolve, reject) => {
      extrinsic
        .signAndSend(alice.addFromUri(suri), { nonce: -1 }, ({ status, dispatchError }) => {
          if (dispatchError) reject(new Error(dispatchError.toString()));
          else if (status.isFinalized) resolve();
        })
        .catch(reject);
    });
  const tx = (pallet: string, call: string, ...args: unknown[]) => api.tx[pallet]![call]!(...args);
  const admin = (call: string, ...args: unknown[]) => send(tx('sudo', 'sudo', tx('adminUtils', call, ...args)));
  /** Gives uid 0 a permit at the start of an epoch; without stake its end takes the permit away. */
  const permit = async () => {
    const { nextStart } = await chain.epochs(netuid);
    await chain.waitForBlock(nextStart, { ms: 30_000 });
    const key = [xxhashAsU8a('SubtensorModule', 128), xxhashAsU8a('ValidatorPermit', 128), Uint8Array.of(netuid, 0)];
    await putStorage(node.endpoint, [[`0x${Buffer.concat(key).toString('hex')}`, '0x080100']]);
    await chain.waitForBlock(chain.head.number + 2, { ms: 20_000 });
  };

  beforeAll(async () => {
    node = await startDevnetNode({ blockMs: 100, runtime: runtime! });
    const provider = new WsProvider(node.endpoint) as unknown as NonNullable<ApiOptions['provider']>;
    api = await ApiPromise.create({ provider, noInitWarn: true });
    chain = await connectChain({ endpoints: [node.endpoint] });
    owner = await devSigner('//Alice_hk');
    await admin('sudoSetNetworkRateLimit', 0);
    await send(tx('subtensorModule', 'registerNetwork', owner.address));
    netuid = 2;
    await admin('sudoSetTempo', netuid, TEMPO);
    await admin('sudoSetWeightsSetRateLimit', netuid, 0);
    await admin('sudoSetMinAllowedWeights', netuid, 1);
  }, 60_000);
  afterAll(async () => {
    await api?.disconnect();
    await chain?.close();
    await node?.close();
  });

  it('registers, and sets plain weights', async () => {
    const hotkey = newSigner();
    const coldkey = await devSigner('//Bob');
    expect(await chain.subnetExists(netuid)).toBe(true);
    const { uid } = await chain.register({ netuid, hotkey: hotkey.address, coldkey, maxBurn: 20n * ONE_TAO });
    expect(uid).toBe(1);
    await permit();
    const weights = [{ hotkey: hotkey.address, weight: 1 }];
    expect(await chain.setWeights({ netuid, hotkey: owner, weights })).toMatchObject({
      form: 'plain',
      uids: [1],
      values: [65535],
    });
  }, 60_000);

  it('commits hashed weights and reveals them in the epoch that was told', async () => {
    await admin('sudoSetCommitRevealWeightsEnabled', netuid, true);
    await chain.waitForBlock(chain.head.number + 1, { ms: 20_000 });
    const set = await chain.setWeights({ netuid, hotkey: owner, weights: [{ hotkey: owner.address, weight: 1 }] });
    if (set.form !== 'commit-reveal') throw new Error(set.form);
    const reveal = { hotkey: owner, pending: set.pending };
    await expect(chain.revealWeights(reveal)).rejects.toMatchObject({ code: 'REVEAL_TOO_EARLY' });
    expect(await chain.weightCommits(netuid, owner.address)).toMatchObject([
      { form: 'commit-reveal', epoch: set.reveal.epoch - 1 },
    ]);
    // What the runtime itself wrote down: (hash, block, first and last block of the reveal).
    const rows = (await api.query['subtensorModule']!['weightCommits']!(netuid, owner.address)).toJSON();
    expect(rows).toMatchObject([[expect.any(String), set.block.number, set.reveal.from, set.reveal.until - 1]]);
    await chain.waitForBlock(set.reveal.from - 1, { ms: 30_000 });
    const { block } = await chain.revealWeights(reveal);
    expect(block.number).toBeGreaterThanOrEqual(set.reveal.from);
    expect(await chain.weights(netuid, 0, { at: block.hash })).toEqual([{ uid: 0, value: 65535 }]);
    await expect(chain.revealWeights(reveal)).rejects.toMatchObject({ code: 'NO_WEIGHTS_COMMIT_FOUND' });
  }, 60_000);

  it('opens weights that our cipher has sealed', async () => {
    const round = 4242;
    // Committed at the start of an epoch and opened at its end, as this runtime does it.
    await permit();
    const payload = { hotkey: undefined, uids: [0, 1], values: [65535, 4321], versionKey: 0n };
    const commit = timelockEncrypt({
      plaintext: encodeWeightsPayload(payload),
      round,
      publicKey: devBeacon.publicKey,
    });
    await send(
      tx('subtensorModule', 'commitCrv3Weights', netuid, `0x${Buffer.from(commit).toString('hex')}`, round),
      '//Alice_hk',
    );
    const { nextStart: end } = await chain.epochs(netuid);
    await putStorage(node.endpoint, [pulsePair(round)]);
    await chain.waitForBlock(end, { ms: 30_000 });
    expect(await chain.weights(netuid, 0)).toEqual([
      { uid: 0, value: 65535 },
      { uid: 1, value: 4321 },
    ]);
  }, 60_000);
});
