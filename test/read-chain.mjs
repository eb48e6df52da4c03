#!/usr/bin/env node
// Reads axons, commitments and weights with plain polkadot.js, knowing only endpoint and netuid.
// Usage: node test/read-chain.mjs ws://127.0.0.1:9944 2 [--events]; prints one JSON object. With --events it also goes
// through all blocks and lists who set weights and who committed in which.
import { ApiPromise, WsProvider } from '@polkadot/api';

const [endpoint, netuid] = [process.argv[2], Number(process.argv[3])];
const api = await ApiPromise.create({ provider: new WsProvider(endpoint), noInitWarn: true });
const { subtensorModule, commitments } = api.query;
const text = (hex) => Buffer.from(hex.replace(/^0x/, ''), 'hex').toString();

const count = (await subtensorModule.subnetworkN(netuid)).toNumber();
const neurons = [];
for (let uid = 0; uid < count; uid++) {
  const hotkey = (await subtensorModule.keys(netuid, uid)).toString();
  const axon = (await subtensorModule.axons(netuid, hotkey)).toJSON();
  const certificate = (await subtensorModule.neuronCertificates(netuid, hotkey)).toJSON();
  const commitment = (await commitments.commitmentOf(netuid, hotkey)).toJSON();
  const fields = (commitment?.info.fields ?? []).map((field) => text(Object.values(field)[0]));
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

const events = [];
if (process.argv.includes('--events')) {
  const head = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
  for (let block = 1; block <= head; block++) {
    const hash = await api.rpc.chain.getBlockHash(block);
    for (const { event } of await api.query.system.events.at(hash)) {
      const name = `${event.section}.${event.method}`;
      if (name !== 'subtensorModule.WeightsSet' && name !== 'commitments.Commitment') continue;
      events.push({ block, name, data: event.data.toJSON() });
    }
  }
}
console.log(JSON.stringify({ genesisHash: api.genesisHash.toHex(), netuid, neurons, events }));
await api.disconnect();
