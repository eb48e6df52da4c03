import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { setUpSubnet } from '@tuning/devnet';

const FULL = 256;

/** Rounds in which every neuron sets weights once: at ten blocks a second enough for five minutes. */
const ROUNDS = 12;

/**
 * A subnet of 256 neurons that all serve an axon with a transport key.
 * @returns its netuid, and `traffic`: signed transactions, to be sent in this order, by each of which one neuron sets weights.
 */
export async function fillSubnet(node) {
  const { netuid } = await setUpSubnet({ endpoint: node.endpoint, tempo: 360 });
  const provider = new WsProvider(node.endpoint);
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  try {
    const keyring = new Keyring({ type: 'sr25519' });
    const alice = keyring.addFromUri('//Alice');
    let nonce = (await api.rpc.system.accountNextIndex(alice.address)).toNumber();
    const send = async (tx, signer, at) => {
      await tx.signAsync(signer, { nonce: at, era: 0 });
      await provider.send('author_submitExtrinsic', [tx.toHex()]);
    };
    // Without this each registration would cost a quarter more than the one before.
    const cheap = api.tx.adminUtils.sudoSetMaxBurn(netuid, 1_000_000_000);
    await send(api.tx.sudo.sudo(cheap), alice, nonce++);
    const hotkeys = Array.from({ length: FULL - 1 }, (_, at) => keyring.addFromUri(`//Neuron${at}`));
    for (const { address } of hotkeys) {
      await send(api.tx.subtensorModule.burnedRegister(netuid, address), alice, nonce++);
    }
    await newBlocks(provider, 2);
    for (const [at, hotkey] of hotkeys.entries()) {
      const key = `0xed${Buffer.from(hotkey.publicKey).toString('hex')}`;
      const args = [netuid, 1, 0x0a000000 + at, 8091, 4, 0, 1, 2, key];
      await send(api.tx.subtensorModule.serveAxonTls(...args), hotkey, 0);
    }
    await newBlocks(provider, 3);
    const count = (await api.query.subtensorModule.subnetworkN(netuid)).toNumber();
    if (count !== FULL) throw new Error(`the subnet has ${count} neurons, not ${FULL}`);
    const axons = (await api.query.subtensorModule.axons.keys(netuid)).length;
    if (axons !== FULL - 1) throw new Error(`${axons} neurons serve, not ${FULL - 1}`);
    const traffic = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [at, hotkey] of hotkeys.entries()) {
        const uid = at + 1;
        const tx = api.tx.subtensorModule.setWeights(netuid, [uid], [65_535], 0);
        await tx.signAsync(hotkey, { nonce: 1 + round, era: 0 });
        traffic.push(tx.toHex());
      }
    }
    return { netuid, traffic };
  } finally {
    await api.disconnect();
  }
}

async function newBlocks(provider, count) {
  await provider.send('dev_newBlock', [{ count }]);
}
