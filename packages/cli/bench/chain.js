// Speed of the chain and of our client. What cannot be measured here is said to be skipped, with the reason.
// npm run bench -- chain [--json] [--blocks 300] [--transactions 500] [--rounds 4] [--reads 20] [--transfers 40]
//   [--runtime PATH]  the real runtime is measured where this or SUBTENSOR_RUNTIME names one
//   TUNING_INTEROP_PYTHON, TUNING_INTEROP_PYTHON_10: Pythons with bittensor, to compare with (test/interop/README.md)
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureRuntime } from '../../devnet/bench/runtimes.js';
import { number } from '../../llm/bench/conditions.js';
import { measureFinality } from './finality.js';
import { measureMetagraph } from './metagraph.js';

const GOALS = { transactionsPerSecond: 300, metagraphRatio: 5 };
const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    blocks: { type: 'string', default: '300' },
    transactions: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '4' },
    reads: { type: 'string', default: '20' },
    transfers: { type: 'string', default: '40' },
    runtime: { type: 'string', default: process.env.SUBTENSOR_RUNTIME },
  },
});
const [blocks, transactions, rounds, reads, transfers] = [
  number(flags, 'blocks'),
  number(flags, 'transactions'),
  number(flags, 'rounds'),
  number(flags, 'reads'),
  number(flags, 'transfers'),
];
const skipped = [];
const realRuntime = async (what, measure) => {
  if (flags.runtime) return [await measure()];
  skipped.push({ what: `wasm runtime: ${what}`, why: 'neither --runtime nor SUBTENSOR_RUNTIME names a runtime' });
  return [];
};
const size = { blocks, transactions, rounds };
const { runtime } = flags;

const load = { cores: availableParallelism(), loadAverageBefore: loadavg()[0] };
const results = [
  await measureRuntime('emulated', {}, size),
  ...(await realRuntime('blocks and transactions', () => measureRuntime('wasm', { runtime }, size))),
];
const finality = [
  await measureFinality({ transfers }),
  ...(await realRuntime('time to finality', () => measureFinality({ transfers, runtime }))),
];
const { TUNING_INTEROP_PYTHON: newest, TUNING_INTEROP_PYTHON_10: tenth } = process.env;
const { skipped: missing, ...metagraph } = await measureMetagraph({ reads, pythons: [newest, tenth].filter(Boolean) });
if (!newest && !tenth) missing.push('neither TUNING_INTEROP_PYTHON nor TUNING_INTEROP_PYTHON_10 names a Python');
for (const why of missing) skipped.push({ what: 'metagraph with a Python SDK', why });
/** The call that its users make, of the newest SDK. */
const [sdk] = metagraph.sdks;

const goals = {
  transactionsPerSecond: {
    goal: GOALS.transactionsPerSecond,
    met: results.map((one) => [one.runtime, one.transactionsPerSecond >= GOALS.transactionsPerSecond]),
  },
  metagraphRatio: {
    goal: GOALS.metagraphRatio,
    met: sdk === undefined ? 'not measured' : sdk.warmRatio >= GOALS.metagraphRatio,
  },
};
if (flags.json) {
  console.log(JSON.stringify({ ...size, reads, ...load, results, finality, metagraph, goals, skipped }));
} else {
  console.table(results);
  console.log('submit to finalised, by our client:');
  console.table(finality);
  console.log(
    'metagraph of 256 neurons, warm: further reads, each of a new block in which one neuron has set weights:',
  );
  console.table([
    { client: 'ours', ...metagraph.ours },
    ...metagraph.sdks.map(({ version, ...row }) => ({ client: `bittensor ${version}`, ...row })),
  ]);
  console.log(metagraph.note);
  for (const { what, why } of skipped) console.log(`skipped: ${what}: ${why}`);
}
