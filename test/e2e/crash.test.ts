import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDataset, verifySplit } from '@tuning/dataset';
import { runEvaluation } from '@tuning/evaluation';
import { waitFor } from '@tuning/kit';
import { canonicalJson, digestJson, encodeCommitment, receiptMessage, receiptSchema } from '@tuning/protocol';
import { createProcessRunner } from '@tuning/runner';
import { openValidatorStore } from '@tuning/store';
import { verifySignature } from '@tuning/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, DATASET_TYPE, type Daemon, httpOf, Network, RECIPES, readChain, type TaskView } from './network.ts';

const order = {
  dataset: 'demo/wordnet-qa',
  model: 'demo/tiny-llama',
  dataset_type: DATASET_TYPE,
  file_format: 'hf',
  sequence_len: 96,
  // 85 s, for it shares the machine with another tournament.
  training_blocks: 340,
};

/** No daemon printed a test or synthetic row, at the level debug and through all kills. */
function expectSecrecy(network: Network, taskId: string): void {
  const rowsOf = (set: string): Record<string, string>[] =>
    readFileSync(join(network.folder, 'data', 'validator', 'tasks', taskId, `${set}.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const open = new Set(rowsOf('train').flatMap((row) => Object.values(row)));
  // Shorter texts stand in logs by chance.
  const secrets = [...rowsOf('test'), ...rowsOf('synthetic')]
    .flatMap((row) => Object.values(row))
    .filter((text) => text.length >= 20 && !open.has(text));
  expect(secrets.length).toBeGreaterThan(500);
  const { printed } = network;
  expect(printed.length).toBeGreaterThan(10_000);
  const leaked = secrets.filter(
    (text) => printed.includes(text) || printed.includes(JSON.stringify(text).slice(1, -1)),
  );
  expect(leaked).toEqual([]);
}

describe('daemons killed with SIGKILL', () => {
  const network = new Network();
  let validator: Daemon;
  let url = '';
  let miners: Record<string, Daemon>;

  beforeAll(async () => {
    await network.start(['one', 'two', 'three']);
    validator = await network.validator();
    miners = {
      one: await network.miner('one', RECIPES.long),
      two: await network.miner('two', RECIPES.full),
      three: await network.miner('three', RECIPES.lora),
    };
    await Promise.all(Object.values(miners).map((miner) => miner.line('miner is ready', 120_000)));
    url = await httpOf(validator, 'validator is ready');
  }, 180_000);

  afterAll(() => network.stop(), 60_000);

  const task = async (id: string) => (await call(`${url}/tasks/${id}`)).body as TaskView;
  const restart = async () => {
    validator = await network.validator();
    url = await httpOf(validator, 'validator is ready');
  };

  it('carries one task through a kill of the validator in every state, and of a miner in training', async () => {
    const accepted = await call(`${url}/tasks`, 'POST', order);
    expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
    const id = accepted.body.task_id as string;
    const killed: string[] = [];
    const seals = new Set<string>();
    const deadlines = new Set<number>();
    let minerKilled = false;

    for (const state of ['preparing', 'offering', 'training', 'evaluating', 'weighing']) {
      const view = await waitFor(
        `state ${state}`,
        async () => {
          const now = await task(id);
          if (now.state === 'failed') throw new Error(JSON.stringify(now.failure));
          if (now.seal) seals.add(now.seal);
          // While nobody has accepted, a restart that took longer than the offer window opens another one.
          if (now.deadline_block && now.state !== 'offering') deadlines.add(now.deadline_block);
          const training = now.group.find(({ hotkey }) => hotkey === network.hotkeys.get('one'))?.status;
          if (!minerKilled && training?.state === 'training' && (training.step ?? 0) >= 12) {
            minerKilled = true;
            await miners['one']!.kill();
            miners['one'] = await network.miner('one', RECIPES.long);
          }
          const reached = now.state === state && (state !== 'training' || minerKilled);
          return reached ? now : undefined;
        },
        { ms: 150_000, everyMs: 15 },
      );
      await validator.kill();
      killed.push(view.state);
      await restart();
    }
    const done = await waitFor('the end', async () => ((await task(id)).state === 'done' ? task(id) : undefined), {
      ms: 120_000,
      everyMs: 100,
    });

    expect(killed).toEqual(['preparing', 'offering', 'training', 'evaluating', 'weighing']);
    expect(minerKilled).toBe(true);
    expect(seals.size).toBe(1);
    expect(deadlines.size).toBe(1);
    expect(done.losses?.map(({ verdict }) => verdict.code)).toEqual(['accepted', 'accepted', 'accepted']);
    // The killed miner went on from its checkpoint: every step is in its log once.
    const log = readFileSync(join(network.folder, 'data', 'one', 'jobs', `task-${id}`, 'out', 'log.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(log.map((line) => JSON.parse(line).step)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));

    const receipt = receiptSchema.parse((await call(`${url}/tasks/${id}/receipt`)).body);
    expect(digestJson(JSON.parse(canonicalJson(receipt.body as never)))).toBe(receipt.digest);
    expect(
      verifySignature(receipt.body.validator, receiptMessage(receipt.digest), Buffer.from(receipt.signature, 'hex')),
    ).toBe(true);
    // Plain polkadot.js finds on the chain what the receipt says, and exactly one weight set.
    const chain = await readChain(network);
    const onChain = (hotkey: string) => chain.neurons.find((neuron: { hotkey: string }) => neuron.hotkey === hotkey);
    const own = onChain(receipt.body.validator);
    expect(
      chain.events.filter(
        ({ name, data }: { name: string; data: unknown[] }) =>
          name === 'subtensorModule.WeightsSet' && data[1] === own.uid,
      ),
    ).toHaveLength(1);
    expect(own.weights.map(([uid, value]: number[]) => ({ uid, value }))).toEqual(
      done.weights!.uids.map((uid, i) => ({ uid, value: done.weights!.values[i] })),
    );
    for (const { hotkey, submission } of receipt.body.entries) {
      const { commitment } = onChain(hotkey);
      expect(commitment.block).toBe(submission!.block);
      expect(commitment.fields).toEqual([encodeCommitment({ kind: 'submission', taskId: id, ...submission! })]);
    }
    expect(own.commitment.fields).toEqual([
      encodeCommitment({ kind: 'seal', taskId: id, seal: receipt.body.seal.seal }),
    ]);
    // Each neuron committed once: a kill between commitment and note must not commit again.
    expect(chain.events.filter(({ name }: { name: string }) => name === 'commitments.Commitment')).toHaveLength(4);
    await validator.kill('SIGTERM');
    expectSecrecy(network, id);

    // The revealed seed rebuilds the split.
    const rows = await readDataset({
      path: join(network.folder, 'data', 'validator', 'tasks', id, 'rows.jsonl'),
      format: 'json',
    });
    const { seal } = receipt.body;
    const verified = await verifySplit({
      rows: rows.rows,
      type: DATASET_TYPE,
      seed: Buffer.from(seal.seed, 'hex'),
      syntheticCount: receipt.body.rows.synthetic,
      seal: seal.seal,
    });
    expect(verified).toEqual({ ok: true, problems: [] });

    // The losses are what a fresh measurement gives, bit for bit.
    const best = receipt.body.entries.find(({ rank }) => rank === 1)!;
    const data = join(network.folder, 'data', 'validator');
    const again = await runEvaluation({
      runner: await createProcessRunner({ root: join(network.folder, 'again') }),
      root: join(network.folder, 'again-jobs'),
      id: 'again',
      baseDir: join(data, 'models', `demo--tiny-llama@${receipt.body.model.revision}.full`),
      submissionDir: join(data, 'tasks', id, 'submissions', best.hotkey),
      expected: { baseRepo: receipt.body.model.repo, baseRevision: receipt.body.model.revision },
      sets: [{ name: 'test', rowsFile: join(data, 'tasks', id, 'test.jsonl') }],
      datasetType: DATASET_TYPE,
      sequenceLen: receipt.body.sequenceLen,
      limits: { wallMs: 60_000, memoryBytes: 2 * 1024 ** 3 },
    });
    expect(again.sets['test']).toEqual(best.test);

    // One weight set, one score per member, in the store and so on the chain.
    const store = await openValidatorStore(join(network.folder, 'data', 'validator', 'validator.sqlite'));
    expect(store.weightSets.forTask(id).filter(({ state }) => state === 'included')).toHaveLength(1);
    expect(store.scores.since(0)).toHaveLength(3);
    store.close();
  }, 420_000);
});
