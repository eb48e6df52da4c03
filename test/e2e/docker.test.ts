import { waitFor } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasEngine } from '../../packages/runner/test/docker/docker-cli.ts';
import { containersOf, trainerImage } from './docker-engine.ts';
import { call, DATASET_TYPE, type Daemon, httpOf, Network, RECIPES, readChain, type TaskView } from './network.ts';

describe.skipIf(!(await hasEngine()))('a miner that trains in containers', () => {
  const network = new Network();
  let validator: Daemon;
  let url = '';
  let miner: Daemon;
  let inContainers: string[];

  beforeAll(async () => {
    inContainers = ['--runner', 'docker', '--training.image', await trainerImage()];
    await network.start(['one', 'two', 'three']);
    validator = await network.validator();
    miner = await network.miner('one', RECIPES.long, inContainers);
    const other = await network.miner('two', RECIPES.lora);
    await Promise.all([miner, other].map((daemon) => daemon.line('miner is ready', 120_000)));
    url = await httpOf(validator, 'validator is ready');
  }, 300_000);

  afterAll(() => network.stop(), 60_000);

  it('killed while a container trains, takes the same one up again and commits its model', async () => {
    const accepted = await call(`${url}/tasks`, 'POST', {
      dataset: 'demo/wordnet-qa',
      model: 'demo/tiny-llama',
      dataset_type: DATASET_TYPE,
      file_format: 'hf',
      sequence_len: 96,
      training_blocks: 280,
    });
    expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
    const id = accepted.body.task_id as string;
    const task = async () => (await call(`${url}/tasks/${id}`)).body as TaskView;
    const statusOf = (view: TaskView) => view.group.find(({ hotkey }) => hotkey === network.hotkeys.get('one'))?.status;
    await waitFor(
      'steps in the container',
      async () => ((statusOf(await task())?.step ?? 0) >= 12 ? true : undefined),
      {
        ms: 150_000,
        everyMs: 100,
      },
    );
    const containers = () => containersOf(`task-${id}`);
    const before = await containers();
    expect(before).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    await miner.kill();
    miner = await network.miner('one', RECIPES.long, inContainers);
    await miner.line('took up a training job of an earlier run of the daemon');
    expect(await containers()).toEqual(before);

    const done = await waitFor('the end', async () => ((await task()).state === 'done' ? task() : undefined), {
      ms: 200_000,
      everyMs: 200,
    });
    expect(done.losses?.find(({ hotkey }) => hotkey === network.hotkeys.get('one'))?.verdict.code).toBe('accepted');
    const chain = await readChain(network);
    const own = chain.neurons.find((neuron: { hotkey: string }) => neuron.hotkey === network.hotkeys.get('one'));
    expect(own.commitment.fields[0]).toContain(id);
    expect(await containers()).toEqual([]);
  }, 420_000);

  it('says in one line that an image is missing, and ends with 78', async () => {
    const lost = await network.miner('three', RECIPES.lora, [
      '--runner',
      'docker',
      '--training.image',
      'no-such-image:1',
    ]);
    expect(await lost.ended).toBe(78);
    expect(lost.stderr).toContain('no-such-image:1');
    expect(lost.stderr.trim().split('\n')).toHaveLength(1);
  });
});
