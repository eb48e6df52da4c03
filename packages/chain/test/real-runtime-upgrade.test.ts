import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions, SubmittableExtrinsic } from '@polkadot/api/types';
import { startDevnetNode } from '@tuning/devnet';
import { expect, it } from 'vitest';
import { nextVersion } from '../../devnet/test/wasm/next-version.ts';
import { connectChain } from '../src/index.ts';
import { captureLog } from './captured-log.ts';
import { devSigner, newSigner, ONE_TAO } from './devnet.ts';

const runtime = process.env['SUBTENSOR_RUNTIME'];
const NETUID = 2;

it.skipIf(!runtime)(
  'goes on over system.setCode of a real runtime (SUBTENSOR_RUNTIME)',
  async () => {
    const node = await startDevnetNode({ blockMs: 100, runtime: runtime! });
    const provider = new WsProvider(node.endpoint);
    const api = await ApiPromise.create({
      provider: provider as unknown as NonNullable<ApiOptions['provider']>,
      noInitWarn: true,
    });
    const log = captureLog();
    const chain = await connectChain({ endpoints: [node.endpoint], logger: log.logger });
    const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
    const send = (extrinsic: SubmittableExtrinsic<'promise'>) =>
      new Promise<void>((resolve, reject) => {
        extrinsic
          .signAndSend(alice, { nonce: -1 }, ({ status, dispatchError }) => {
            if (dispatchError) reject(new Error(dispatchError.toString()));
            else if (status.isFinalized) resolve();
          })
          .catch(reject);
      });
    const tx = (pallet: string, call: string, ...args: unknown[]) => api.tx[pallet]![call]!(...args);
    const sudo = (extrinsic: SubmittableExtrinsic<'promise'>) => send(tx('sudo', 'sudo', extrinsic));
    const end = new AbortController();
    try {
      const owner = await devSigner('//Alice_hk');
      const hotkeys = [owner, newSigner()];
      await sudo(tx('adminUtils', 'sudoSetNetworkRateLimit', 0));
      await send(tx('subtensorModule', 'registerNetwork', owner.address));
      await sudo(tx('adminUtils', 'sudoSetWeightsSetRateLimit', NETUID, 0));
      await sudo(tx('commitments', 'setRateLimit', 0));
      const coldkey = await devSigner('//Bob');
      await chain.register({ netuid: NETUID, hotkey: hotkeys[1]!.address, coldkey, maxBurn: 20n * ONE_TAO });

      const before = chain.specVersion;
      const [numbers, seen, sent]: [number[], string[], string[]] = [[], [], []];
      const from = chain.head.number + 1;
      const watching = chain.watchCommitments({
        netuid: NETUID,
        fromBlock: from,
        signal: end.signal,
        onBlock: async (block, commitments) => {
          numbers.push(block.number);
          seen.push(...commitments.flatMap(({ fields }) => fields));
        },
      });
      // Both write without a pause until two of each have been written under the new code.
      const writing = hotkeys.map(async (hotkey, who) => {
        for (let nth = 0, after = 0; after < 2; nth++) {
          if (chain.specVersion !== before) after++;
          const text = `${who} ${nth}`;
          sent.push(text);
          await chain.commit({ netuid: NETUID, hotkey, fields: [text] });
        }
      });
      await expect.poll(() => seen.length, { timeout: 20_000 }).toBeGreaterThan(1);
      const code = nextVersion(String(await provider.send('state_getStorage', ['0x3a636f6465'])), before);
      const set = tx('system', 'setCode', `0x${code.toString('hex')}`);
      await send(tx('sudo', 'sudoUncheckedWeight', set, { refTime: 0, proofSize: 0 }));
      await Promise.all(writing);
      await expect.poll(() => [...seen].sort(), { timeout: 20_000 }).toEqual([...sent].sort());
      end.abort();
      await watching;

      expect(chain.specVersion).toBe(before + 1);
      expect(log.lines).toContainEqual(
        expect.objectContaining({ message: 'the runtime was upgraded', context: { from: before, to: before + 1 } }),
      );
      expect(numbers).toEqual(numbers.map((_, at) => from + at));
      // Blocks of before are still read by the metadata of then, and weights are set by those of now.
      expect((await chain.metagraph(NETUID, { at: await chain.blockHash(from) })).neurons).toHaveLength(2);
      const weights = [{ hotkey: owner.address, weight: 1 }];
      expect(await chain.setWeights({ netuid: NETUID, hotkey: owner, weights })).toMatchObject({ uids: [0] });
    } finally {
      end.abort();
      await chain.close();
      await api.disconnect();
      await node.close();
    }
  },
  120_000,
);
