import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectChain } from '@tuning/chain';
import { sleep, TuningError, writeFileAtomic } from '@tuning/kit';
import { receiptSchema } from '@tuning/protocol';
import type { Command } from 'commander';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { BASE_MODEL, DATASET, DATASET_TYPE } from './assets.ts';
import { Caretaker } from './caretaker.ts';
import { readChainFacts } from './chain-facts.ts';
import { killDemo } from './kill-demo.ts';
import { MemoryMeter } from './memory-meter.ts';
import { DemoNetwork } from './network.ts';
import { MINERS, VALIDATOR } from './participants.ts';
import { ProgressView } from './progress-view.ts';
import { buildReport, renderTable } from './report.ts';
import { TaskClient } from './task-client.ts';

const BLOCK_MS = 250;
const TEMPO = 40;
const READY_MS = 90_000;
const TASK_MS = 300_000;
/** The third Ctrl-C: whoever sends it does not want to wait for an orderly end. */
const FORCING_SIGNAL = 3;

interface DemoOptions {
  report: string;
  keep?: boolean;
  trainingBlocks: string;
  runner: string;
  image?: string;
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('a whole tournament on this machine: chain, hub, a validator and four miners, each its own process')
    .option('--report <file>', 'where the report goes', 'demo-report.json')
    .option('--keep', 'keep logs, wallets and data')
    .option('--training-blocks <n>', 'blocks from the end of the offer window to the deadline', '180')
    .option('--runner <backend>', 'where the miners train: process or docker', 'process')
    .option('--image <image>', 'training image for --runner docker')
    .action(runDemo);
}

async function runDemo(options: DemoOptions): Promise<void> {
  const trainingBlocks = wholeNumber('--training-blocks', options.trainingBlocks, { min: 1, max: 100_000 });
  const started = Date.now();
  const folder = await mkdtemp(join(tmpdir(), 'tuning-demo-'));
  const signal = shutdownSignal(undefined, (count) => {
    process.stderr.write('still stopping…\n');
    // The clean-up that is under way goes on, with nothing left to wait for.
    if (count === FORCING_SIGNAL) void killDemo(folder);
  });
  signal.addEventListener('abort', () => process.stderr.write('\nstopping…\n'), { once: true });
  // A closed terminal or pipe must not end the demo before it has cleaned up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const caretaker = new Caretaker(folder, options.keep ?? false);
  const meter = new MemoryMeter(folder);
  const training = [
    '--runner',
    options.runner,
    ...(options.image === undefined ? [] : ['--training.image', options.image]),
  ];
  const network = new DemoNetwork(folder, training, signal);
  let keep = options.keep ?? false;
  let exitCode = 0;
  try {
    await playTournament({ network, meter, report: options.report, trainingBlocks, started, signal });
  } catch (error) {
    exitCode = signal.aborted ? 130 : 1;
    keep ||= !signal.aborted;
    if (!signal.aborted)
      process.stderr.write(`\nthe demo failed: ${(error as Error).message}\nlogs: ${join(folder, 'logs')}\n`);
  } finally {
    meter.stop();
    await network.stop();
    if (keep) process.stdout.write(`kept ${folder}\n`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    await caretaker.release();
  }
  process.exit(exitCode);
}

async function playTournament(args: {
  network: DemoNetwork;
  meter: MemoryMeter;
  report: string;
  trainingBlocks: number;
  started: number;
  signal: AbortSignal;
}): Promise<void> {
  const { network, started, signal } = args;
  const say = (text: string) =>
    process.stdout.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`);
  say('starting a chain node and a hub');
  await network.startServices(BLOCK_MS);
  say(`chain ${network.chainEndpoint}, hub ${network.hubEndpoint}`);
  await Promise.all([network.createSubnet(TEMPO), network.publishAssets()]);
  say(`subnet ${network.netuid} created, ${BASE_MODEL} and ${DATASET} published`);

  const validator = network.startValidator();
  const miners = MINERS.map((miner) => network.startMiner(miner));
  const [ready] = await Promise.all([
    validator.line('validator is ready', READY_MS, signal),
    ...miners.map((miner) => miner.line('miner is ready', READY_MS, signal)),
  ]);
  network.validatorUrl = `http://127.0.0.1:${String(ready['httpPort'])}`;
  say(
    `one validator and ${miners.length} miners are registered and serve their axons; validator HTTP at ${network.validatorUrl}`,
  );

  const client = new TaskClient(network.validatorUrl, signal);
  const taskId = await client.order({
    dataset: DATASET,
    model: BASE_MODEL,
    dataset_type: DATASET_TYPE,
    file_format: 'hf',
    sequence_len: 96,
    training_blocks: args.trainingBlocks,
  });
  say(`the customer's order is task ${taskId}`);
  const names = new Map([...network.hotkeys].map(([name, hotkey]) => [hotkey, name]));
  const task = await followTask(client, taskId, names, signal);

  const chain = await connectChain({ endpoints: [network.chainEndpoint], signal });
  try {
    const facts = await readChainFacts(chain, network.netuid, network.hotkeys.get(VALIDATOR.name)!);
    const receipt = receiptSchema.parse(await client.receipt(taskId));
    const seconds = (Date.now() - started) / 1000;
    const peakRssBytes = args.meter.peakBytes;
    const report = buildReport({ receipt, task, facts, names, seconds, peakRssBytes });
    await writeFileAtomic(resolve(args.report), `${JSON.stringify(report, null, 2)}\n`, 0o644);
    process.stdout.write(`\n${renderTable(receipt, facts)}\n\n`);
    for (const { hotkey, verdict } of receipt.body.entries) {
      if (verdict.code !== 'accepted')
        process.stdout.write(`${names.get(hotkey) ?? hotkey}: ${verdict.code}, ${verdict.reason}\n`);
    }
    const winner = receipt.body.winner;
    say(
      `winner: ${winner ? (names.get(winner) ?? winner) : 'none'}; weights read from the chain at block ${facts.weights.block}; ${(peakRssBytes / 2 ** 30).toFixed(1)} GiB of memory at most; report in ${resolve(args.report)}`,
    );
    if (winner === undefined) throw new TuningError('DEMO_WITHOUT_WINNER', 'no miner’s submission was accepted');
  } finally {
    await chain.close();
  }
}

async function followTask(client: TaskClient, taskId: string, names: ReadonlyMap<string, string>, signal: AbortSignal) {
  const view = new ProgressView(names);
  const end = Date.now() + TASK_MS;
  for (;;) {
    const task = await client.task(taskId);
    view.show(task);
    if (task.state === 'done') return task;
    if (task.state === 'failed')
      throw new TuningError('TASK_FAILED', `task ${taskId}: ${task.failure?.code} ${task.failure?.message}`);
    if (Date.now() > end)
      throw new TuningError('TASK_TOO_SLOW', `task ${taskId} is still ${task.state} after ${TASK_MS / 1000} s`);
    await sleep(700, signal);
  }
}
