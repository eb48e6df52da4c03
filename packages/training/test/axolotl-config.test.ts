import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DatasetType } from '@tuning/protocol';
import { describe, expect, it } from 'vitest';
import { AXOLOTL_KEYS, AXOLOTL_VERSION } from '../src/axolotl-keys.ts';
import { loadRecipe, recipeYaml } from '../src/index.ts';

/** A Python with Axolotl (vectors/axolotl-config.py says which packages): its own schema judges our recipes. */
const python = process.env['TUNING_AXOLOTL_PYTHON'];
const script = fileURLToPath(new URL('./vectors/axolotl-config.py', import.meta.url));
const baseFile = fileURLToPath(new URL('../../../configs/base.yml', import.meta.url));
const LIMIT_MS = 300_000;

const recipeOf = (overrides: Record<string, unknown>, datasetType: DatasetType = 'alpaca') =>
  recipeYaml(
    loadRecipe({
      baseFile,
      overrides,
      task: { datasetType, sequenceLen: 512, seed: 9, baseRepo: 'demo/tiny-llama', baseRevision: 'b'.repeat(40) },
    }),
  );

describe.skipIf(python === undefined)('Axolotl’s own config schema (TUNING_AXOLOTL_PYTHON)', () => {
  const ask = (args: string[], input = ''): unknown => {
    const { stdout, stderr, status } = spawnSync(python!, [script, ...args], {
      input,
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
    expect(status, stderr.slice(-4000)).toBe(0);
    return JSON.parse(stdout);
  };

  it(
    'has exactly the keys that we know as Axolotl’s',
    () => {
      expect(ask(['keys'])).toEqual({ version: AXOLOTL_VERSION, keys: AXOLOTL_KEYS });
    },
    LIMIT_MS,
  );

  it(
    'takes base.yml with a task and overrides, and refuses what is wrong',
    () => {
      const object = { system_prompt: 'Be brief.', field_instruction: 'q', field_output: 'a', format: null };
      const conversations = {
        type: 'chat_template' as const,
        field_messages: 'turns',
        message_property_mappings: { role: 'speaker', content: 'words' },
        roles: { user: ['ask'], assistant: ['tell'] },
        roles_to_train: ['tell'],
        train_on_eos: 'last' as const,
        eot_tokens: ['<end_of_turn>'],
      };
      const good = [
        ...['lora', 'qlora', 'full'].flatMap((adapter) => [
          recipeOf({ adapter }),
          recipeOf({ adapter }, 'completion'),
          recipeOf({ adapter }, object),
          recipeOf({ adapter }, 'chat'),
          recipeOf({ adapter }, 'sharegpt'),
          recipeOf({ adapter }, conversations),
        ]),
        recipeOf({ sample_packing: true, max_steps: 30, warmup_steps: 5, lora_target_modules: ['q_proj'] }),
        recipeOf({ optimizer: 'adamw_bnb_8bit', load_in_8bit: true, lr_scheduler: 'constant_with_warmup' }),
        recipeOf({ hub_model_id: 'me/model', bf16: false, fp16: true, flash_attention: false, val_set_size: 0.05 }),
      ];
      const bad = [recipeOf({ learning_rate: 1e-3 }).replace('adapter: lora', 'adapter: qlora')];
      const answers = ask(['validate'], JSON.stringify([...good, ...bad])) as (string | null)[];
      expect(answers.slice(0, good.length)).toEqual(good.map(() => null));
      expect(answers.slice(good.length)).toEqual([expect.stringContaining('load_in_4bit')]);
    },
    LIMIT_MS,
  );
});
