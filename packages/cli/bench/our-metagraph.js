// Reads a metagraph with our client: ENDPOINT NETUID COUNT WARM_UP PAUSE_MS. Prints times in ms as JSON, as sdk-metagraph.py
// does of an SDK: connect is connecting and the first metagraph; reads are further ones, after a pause in which neurons set
// weights; the first WARM_UP are not counted, nor is loading the client.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectChain } from '@tuning/chain';

const [endpoint, ...numbers] = process.argv.slice(2);
const [netuid, count, warmUp, pauseMs] = numbers.map(Number);
const start = performance.now();
const chain = await connectChain({ endpoints: [endpoint] });
let graph = await chain.metagraph(netuid);
const connect = performance.now() - start;
const reads = [];
let changed = 0;
for (let at = -warmUp; at < count; at++) {
  await sleep(pauseMs);
  const last = graph;
  const from = performance.now();
  graph = await chain.metagraph(netuid);
  const took = performance.now() - from;
  if (graph.neurons.some(({ lastUpdate }, uid) => lastUpdate !== last.neurons[uid].lastUpdate)) changed++;
  if (at >= 0) reads.push(took);
}
if (changed < (warmUp + count) / 2) throw new Error(`only ${changed} reads found anything changed`);
await chain.close();
console.log(JSON.stringify({ neurons: graph.neurons.length, connect, reads }));
