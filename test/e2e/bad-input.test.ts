import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createWallet } from '@tuning/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, DATASET_TYPE, type Daemon, httpOf, Network } from './network.ts';

const network = new Network();
let validator: Daemon;
let url = '';

beforeAll(async () => {
  await network.start(['miner']);
  validator = await network.validator();
  url = await httpOf(validator, 'validator is ready');
}, 120_000);

afterAll(() => network.stop(), 60_000);

/** Runs a daemon that must end by itself; its exit code and what it wrote to stderr. */
async function fate(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; stderr: string }> {
  const daemon = network.spawn(script, args, env);
  const code = await daemon.ended;
  return { code, stderr: daemon.stderr };
}

const one = (stderr: string) => stderr.trim().split('\n');

describe('what only the operator can put right: one line, exit 78', () => {
  const run = async (
    code: string,
    text: RegExp,
    args: readonly string[],
    env?: Record<string, string>,
    script = 'neurons/miner.js',
  ) => {
    const token = env ?? { HF_TOKEN_FILE: await network.token('miner', 'write') };
    const end = await fate(script, args, token);
    expect(end.stderr).toMatch(text);
    expect(end.stderr).toContain(code);
    expect(one(end.stderr)).toHaveLength(1);
    expect(end.code).toBe(78);
  };

  it('no Hugging Face token', () => run('HUB_TOKEN_MISSING', /HF_TOKEN/, network.neuronArgs('miner'), {}));
  it('a token nobody knows', () =>
    run('HUB_TOKEN_INVALID', /token/i, network.neuronArgs('miner'), { HF_TOKEN: `hf_${'x'.repeat(40)}` }));
  it('a read token', async () =>
    run('HUB_TOKEN_READ_ONLY', /write/, network.neuronArgs('miner'), {
      HF_TOKEN_FILE: await network.token('miner', 'read'),
    }));
  it('an unknown wallet', () =>
    run('WALLET_NOT_FOUND', /nobody/, network.neuronArgs('miner', ['--wallet.name', 'nobody'])));
  it('an unknown hotkey', () =>
    run('WALLET_NOT_FOUND', /nokey/, network.neuronArgs('miner', ['--wallet.hotkey', 'nokey'])));
  it('an unknown netuid', () => run('UNKNOWN_NETUID', /99/, network.neuronArgs('miner', ['--netuid', '99'])));
  it(
    'a chain that is down',
    () =>
      run(
        'CHAIN_UNREACHABLE',
        /127\.0\.0\.1:9/,
        network.neuronArgs('miner', ['--subtensor.chain_endpoint', 'ws://127.0.0.1:9']),
      ),
    60_000,
  );
  it('an unregistered hotkey: it says how to register', () =>
    run('NOT_REGISTERED', /--register --max-burn/, network.neuronArgs('miner')));
  it('a burn above --max-burn', () =>
    run('BURN_ABOVE_LIMIT', /0\.000001/, network.neuronArgs('miner', ['--register', '--max-burn', '0.000001'])));
  it('a coldkey without means', async () => {
    await createWallet({ name: 'poor', hotkey: 'default', path: network.walletsPath });
    await run('NOT_ENOUGH_BALANCE', /balance/i, network.neuronArgs('poor', ['--register', '--max-burn', '50']), {
      HF_TOKEN_FILE: await network.token('poor', 'write'),
    });
  });
  it('no netuid, a wrong flag, a wrong value', async () => {
    expect((await fate('neurons/miner.js', [], {})).stderr).toMatch(/--netuid is not set/);
    expect((await fate('neurons/miner.js', ['--nonsense'], {})).code).toBe(78);
    await run('CONFIG_INVALID', /axon\.port/, network.neuronArgs('miner', ['--axon.port', '70000']));
  });
  it('no GPU for a validator that is to measure on one', () =>
    run(
      'CUDA_',
      /measure on the CPU/,
      network.neuronArgs('validator', ['--evaluation.device', 'cuda']),
      { CUDA_VISIBLE_DEVICES: '-1' },
      'neurons/validator.js',
    ));
  it('an HTTP endpoint for other machines without a key', () =>
    run('API_KEY_MISSING', /TUNING_API_KEY/, network.neuronArgs('miner', ['--http.host', '0.0.0.0'])));
  it('an occupied port', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await run('PORT_IN_USE', /--http\.port/, network.neuronArgs('miner', ['--http.port', String(port)]));
    other.close();
  });
  it('a recipe with an unknown key', async () => {
    const file = join(network.folder, 'bad.yml');
    writeFileSync(file, 'lora_rank: 4\n');
    await run('RECIPE_INVALID', /lora_r\b/, network.neuronArgs('miner', ['--training.recipe', file]));
  });
  it(
    'a second daemon on the same data folder',
    () => run('DATA_DIR_LOCKED', /data folder/, network.neuronArgs('validator'), undefined, 'neurons/validator.js'),
    60_000,
  );
  it('secrets stay out of the configuration that is printed', async () => {
    const daemon = network.spawn('neurons/miner.js', network.neuronArgs('miner', ['--print-config']), {
      HF_TOKEN: 'hf_secret',
      TUNING_API_KEY: 'key_secret',
    });
    expect(await daemon.ended).toBe(0);
    expect(daemon.stdout).toContain('"netuid"');
    expect(daemon.stdout).not.toMatch(/hf_secret|key_secret/);
  });
});

describe('orders that are refused with a code, and lose nothing', () => {
  const order = { dataset: 'demo/wordnet-qa', model: 'demo/tiny-llama', dataset_type: DATASET_TYPE, file_format: 'hf' };
  const file = (name: string, text: string) => {
    const folder = join(network.folder, 'files');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const refused = async (body: unknown, status: number, code: string) => {
    const answer = await call(`${url}/tasks`, 'POST', body);
    expect(answer.body).toMatchObject({ error: { code } });
    expect(answer.status).toBe(status);
    expect((await call(`${url}/tasks`)).body.tasks).toEqual([]);
  };

  it('a dataset that is not there', async () => {
    await refused({ ...order, dataset: 'demo/absent' }, 404, 'HUB_REPO_NOT_FOUND');
    await refused({ ...order, file_format: 'csv', dataset: '/absent.csv' }, 404, 'DATASET_NOT_FOUND');
  });
  it('an empty file', () =>
    refused({ ...order, file_format: 'json', dataset: file('empty.json', '') }, 422, 'DATASET_EMPTY'));
  it('wrong columns', () =>
    refused(
      { ...order, file_format: 'csv', dataset: file('columns.csv', 'a,b\n1,2\n') },
      422,
      'DATASET_MISSING_COLUMN',
    ));
  it('unparsable JSON in the file', () =>
    refused(
      { ...order, file_format: 'json', dataset: file('bad.json', '[{"instruction": }') },
      422,
      'DATASET_UNPARSABLE',
    ));
  it('too few rows', () =>
    refused(
      { ...order, file_format: 'csv', dataset: file('few.csv', 'instruction,output\na,b\n') },
      422,
      'DATASET_TOO_SMALL',
    ));
  it('unparsable JSON in the body', () => refused('{"dataset":', 400, 'FST_ERR_CTP_INVALID_JSON_BODY'));
  it('a negative deadline', () => refused({ ...order, training_blocks: -5 }, 422, 'INVALID_REQUEST'));
  it('an unknown key', () => refused({ ...order, deadline: 5 }, 422, 'INVALID_REQUEST'));
  it('a model that is not on the hub', () => refused({ ...order, model: 'demo/absent' }, 404, 'HUB_REPO_NOT_FOUND'));
  it('a model of another architecture', async () => {
    const hub = await network.client('demo');
    const config = Buffer.from(
      JSON.stringify({ architectures: ['BertForMaskedLM'], model_type: 'bert', hidden_size: 8 }),
    );
    await hub.publish({
      type: 'model',
      repo: 'demo/bert',
      visibility: 'public',
      message: 'x',
      files: [{ path: 'config.json', content: config }],
    });
    await refused({ ...order, model: 'demo/bert' }, 422, 'MODEL_UNSUPPORTED');
  });
  it('conversations for a model without a chat template', () =>
    refused({ ...order, dataset_type: 'chat' }, 422, 'CHAT_TEMPLATE_MISSING'));
  it('a chat type with a slip', () =>
    refused({ ...order, dataset_type: { type: 'chat_template', train_on_eos: 'always' } }, 422, 'INVALID_REQUEST'));
  it('an unknown task', async () => {
    expect(await call(`${url}/tasks/${'0'.repeat(16)}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'TASK_NOT_FOUND' } },
    });
  });
});
