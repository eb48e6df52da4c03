#!/usr/bin/env node
// Reads axons, commitments and weights with plain polkadot.js, knowing only endpoint and netuid.
// Usage: node test/read-chain.mjs ws://127.0.0.1:9944 2; prints one JSON object.
import { ApiPromise, WsProvider } from '@polkadot/api';

const [endpoint, netuid] = [process.argv[2], Number(process.argv[3])];
const api = await ApiPromise.create({ provider: new WsProvider(endpoint), noInitWarn: true });
const { subtensorModule, commitments } = api.query;
const count = (await subtensorModule.subnetworkN(netuid)).toNumber();
const neurons = [];
for (let uid = 0; uid < count; uid++) {
  const hotkey = (await subtensorModule.keys(netuid, uid)).toString();
  const axon = (await subtensorModule.axons(netuid, hotkey)).toJSON();
  const certificate = (await subtensorModule.neuronCertificates(netuid, hotkey)).toJSON();
  const commitment = (await commitments.commitmentOf(netuid, hotkey)).toJSON();
  const fields = (commitment?.info.fields ?? []).map((field) =>
    Buffer.from(Object.values(field)[0].replace(/^0x/, ''), 'hex').toString(),
  );
  const weights = (await subtensorModule.weights(netuid, uid)).toJSON();
  neurons.push({
    uid,
    hotkey,
    axon,
    certificate,
    commitment: commitment ? { block: commitment.block, fields } : null,
    weights,
  });
}
console.log(JSON.stringify({ genesisHash: api.genesisHash.toHex(), netuid, neurons }));
await api.disconnect();
