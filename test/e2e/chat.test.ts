import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '@tuning/kit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { call, type Daemon, httpOf, Network, RECIPES, ROOT, type TaskView } from './network.ts';

/** A whole tournament more than the others: only on demand. */
const wanted = process.env['TUNING_E2E_CHAT'] === '1';

const ASSETS = join(ROOT, 'packages/devnet/assets');
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}";
const ROWS = 400;

const network = new Network();
let validatorUrl = '';

/** The demo's questions as conversations, some with a system text; parquet would do as well. */
function conversations(): { conversations: { from: string; value: string }[] }[] {
  const lines = readFileSync(join(ASSETS, 'wordnet-qa/data/train.jsonl'), 'utf8').split('\n').slice(0, ROWS);
  return lines.map((line) => {
    const { instruction, output } = JSON.parse(line) as Record<string, string>;
    return {
      conversations: [
        { from: 'human', value: instruction! },
        { from: 'gpt', value: output! },
      ],
    };
  });
}

/** The demo's base as an instruct model: a template, and the end of a turn as its end token. */
async function publishChatBase(): Promise<void> {
  const root = join(ASSETS, 'tiny-llama');
  const config = JSON.parse(readFileSync(join(root, 'tokenizer_config.json'), 'utf8'));
  const files = readdirSync(root)
    .filter((name) => name !== 'tokenizer_config.json')
    .map((path) => ({ path, content: join(root, path) as string | Buffer }));
  files.push({
    path: 'tokenizer_config.json',
    content: Buffer.from(JSON.stringify({ ...config, eos_token: '<|im_end|>' })),
  });
  files.push({ path: 'chat_template.jinja', content: Buffer.from(CHATML) });
  const hub = await network.client('demo');
  await hub.publish({ type: 'model', repo: 'demo/tiny-chat', visibility: 'public', files, message: 'a chat model' });
}

beforeAll(async () => {
  if (!wanted) return;
  await network.start(['miner-a', 'miner-b']);
  await publishChatBase();
  const hub = await network.client('demo');
  const content = Buffer.from(
    conversations()
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  );
  const files = [{ path: 'data/train.jsonl', content }];
  await hub.publish({ type: 'dataset', repo: 'demo/talks', visibility: 'public', files, message: 'conversations' });
  const miners: Daemon[] = [
    await network.miner('miner-a', RECIPES.lora),
    await network.miner('miner-b', RECIPES.lora.replace('max_steps: 12', 'max_steps: 4')),
  ];
  const validator = await network.validator();
  await Promise.all(miners.map((miner) => miner.line('miner is ready')));
  validatorUrl = await httpOf(validator, 'validator is ready');
}, 180_000);

afterAll(() => (wanted ? network.stop() : undefined), 60_000);

it.skipIf(!wanted)(
  'a tournament over conversations (TUNING_E2E_CHAT=1)',
  async () => {
    const order = {
      dataset: 'demo/talks',
      model: 'demo/tiny-chat',
      dataset_type: 'sharegpt',
      file_format: 'hf',
      sequence_len: 96,
      training_blocks: 240,
      group_size: 2,
    };
    const answer = await call(`${validatorUrl}/tasks`, 'POST', order);
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    const id = answer.body.task_id as string;
    const task = await waitFor(
      'the end of the task',
      async () => {
        const { body } = await call(`${validatorUrl}/tasks/${id}`);
        const view = body as TaskView;
        if (view.failure) throw new Error(JSON.stringify(view.failure));
        return view.state === 'done' ? view : undefined;
      },
      { ms: 240_000, everyMs: 500 },
    );
    expect(task.losses?.map(({ verdict }) => verdict.code)).toEqual(['accepted', 'accepted']);

    const { body: receipt } = await call(`${validatorUrl}/tasks/${id}/receipt`);
    const { body } = receipt as { body: any };
    expect(body.datasetType).toBe('sharegpt');
    expect(body.rows).toMatchObject({ dataset: ROWS, test: 40 });
    const { test: base } = body.base;
    expect(base).toMatchObject({ rowsKept: 40, rowsDropped: {} });
    for (const { test } of body.entries) {
      expect(test.summary.loss).toBeLessThan(base.loss);
      expect(test.summary.tokens).toBe(base.tokens);
    }
    console.log(JSON.stringify({ base: base.loss, tokens: base.tokens, losses: task.losses }));

    // What was published is the train part, conversation by conversation, and the receipt's seed rebuilds it.
    const folder = join(network.folder, 'check');
    await mkdir(folder);
    writeFileSync(join(folder, 'receipt.json'), JSON.stringify(receipt));
    writeFileSync(
      join(folder, 'rows.jsonl'),
      conversations()
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    );
    const tuning = join(ROOT, 'packages/cli/bin/tuning.js');
    const args = ['dataset', 'verify', join(folder, 'receipt.json'), join(folder, 'rows.jsonl')];
    const { stdout } = await promisify(execFile)(process.execPath, [tuning, ...args]);
    expect(stdout).toMatch(/yes: seed and rows give the split that was sealed/);
  },
  300_000,
);
