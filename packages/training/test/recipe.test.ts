import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetType } from '@tuning/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hyperparametersOf, loadRecipe, parseRecipe, recipeYaml } from '../src/index.ts';

const configs = fileURLToPath(new URL('../../../configs/', import.meta.url));
const baseFile = join(configs, 'base.yml');
const dir = mkdtempSync(join(tmpdir(), 'recipe-'));
afterAll(() => rmSync(dir, { recursive: true }));

const task = {
  datasetType: { field_instruction: 'q', field_output: 'a', format: null },
  sequenceLen: 64,
  seed: 9,
  baseRepo: 'demo/tiny-llama',
  baseRevision: 'b'.repeat(40),
};
const problem = (overrides: Record<string, unknown>): string => {
  try {
    loadRecipe({ baseFile, overrides, task });
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return `${code} ${message}`;
  }
  return 'no problem';
};

describe('loadRecipe', () => {
  it('lets overrides change the base file, and the task fix its own', () => {
    const recipe = loadRecipe({ baseFile, overrides: { lora_r: 4, sequence_len: 512, seed: 3 }, task });
    expect(recipe).toMatchObject({
      adapter: 'lora',
      lora_r: 4,
      sequence_len: 64,
      base_model: './model',
      datasets: [{ path: './data/train.jsonl', ds_type: 'json', type: { field_instruction: 'q', field_output: 'a' } }],
      tuning: { ...task, seed: 3 },
      seed: 3,
    });
    expect(recipe.datasets?.[0]?.['type']).not.toHaveProperty('format');
    expect(loadRecipe({ baseFile, overrides: {}, task }).seed).toBe(9);
  });

  it('spells out what decides the mask of conversations, in Axolotl’s keys', () => {
    const entry = (datasetType: DatasetType) =>
      loadRecipe({ baseFile, overrides: {}, task: { ...task, datasetType } }).datasets?.[0];
    const defaults = {
      path: './data/train.jsonl',
      ds_type: 'json',
      type: 'chat_template',
      chat_template: 'tokenizer_default',
      field_messages: 'messages',
      roles_to_train: ['assistant'],
      train_on_eos: 'turn',
    };
    expect(entry('chat')).toEqual(defaults);
    const shareGpt = {
      field_messages: 'conversations',
      message_property_mappings: { role: 'from', content: 'value' },
    };
    expect(entry('sharegpt')).toEqual({ ...defaults, ...shareGpt });
    const own = { ...shareGpt, roles: { user: ['ask'] }, roles_to_train: ['gpt'], train_on_eos: 'last' as const };
    expect(entry({ type: 'chat_template', ...own })).toEqual({ ...defaults, ...own });
    // Axolotl has this one beside the datasets.
    const datasetType = { type: 'chat_template' as const, eot_tokens: ['<end_of_turn>'] };
    const recipe = loadRecipe({ baseFile, overrides: {}, task: { ...task, datasetType } });
    expect(recipe.datasets?.[0]).toEqual(defaults);
    expect(recipe.eot_tokens).toEqual(['<end_of_turn>']);
    expect(() => hyperparametersOf(recipe)).not.toThrow();
  });

  it('survives the way through recipe.yml', () => {
    const recipe = loadRecipe({ baseFile, overrides: { adapter: 'full' }, task });
    const yaml = recipeYaml(recipe);
    // Axolotl has no value for a full fine-tune: the key is absent.
    expect(parse(yaml)).not.toHaveProperty('adapter');
    const again = parseRecipe(yaml, 'recipe.yml');
    expect(recipeYaml(again)).toBe(yaml);
    expect(hyperparametersOf(again)).toEqual(hyperparametersOf(recipe));
  });

  it('names an unknown key and the nearest known one', () => {
    expect(problem({ learning_rat: 1e-3 })).toBe(
      'RECIPE_INVALID the recipe overrides: unknown key learning_rat, did you mean learning_rate?',
    );
    expect(problem({ lora_rank: 8 })).toContain('unknown key lora_rank, did you mean lora_r?');
    expect(problem({ zzzzzzzz: 1 })).toMatch(/unknown key zzzzzzzz$/);
    expect(problem({ lora_mlp_kernal: true })).toContain('did you mean lora_mlp_kernel?');
  });

  it('passes Axolotl’s other keys on, which the CPU trainer refuses when they are set', () => {
    const recipe = loadRecipe({ baseFile, overrides: { lora_mlp_kernel: true, rl: null }, task });
    expect(parse(recipeYaml(recipe))).toMatchObject({ lora_mlp_kernel: true });
    expect(() => hyperparametersOf(recipe)).toThrow(/lora_mlp_kernel is one of Axolotl's keys that it does not know/);
    const off = loadRecipe({ baseFile, overrides: { lora_mlp_kernel: false, rl: null }, task });
    expect(() => hyperparametersOf(off)).not.toThrow();
  });

  it('makes qlora 4-bit, as Axolotl demands', () => {
    expect(loadRecipe({ baseFile, overrides: { adapter: 'qlora' }, task }).load_in_4bit).toBe(true);
    expect(loadRecipe({ baseFile, overrides: { adapter: 'lora' }, task }).load_in_4bit).toBeUndefined();
  });

  it('names a bad value and a key that the task fixes', () => {
    expect(problem({ micro_batch_size: 0 })).toMatch(/^RECIPE_INVALID .*micro_batch_size/);
    expect(problem({ trust_remote_code: true })).toMatch(/trust_remote_code: must be false/);
    expect(problem({ base_model: 'other/model' })).toContain('base_model is fixed by the task');
  });

  it('drops the base file’s other way of saying what an override says', () => {
    const overrides = { warmup_steps: 5, lora_target_modules: ['q_proj'] };
    const { hyperparameters } = hyperparametersOf(loadRecipe({ baseFile, overrides, task }));
    expect(hyperparameters.warmup).toEqual({ steps: 5 });
    expect(hyperparameters.lora?.targets).toEqual(['q_proj']);
  });

  it('refuses files that are no recipe in one line', () => {
    const file = join(dir, 'bad.yml');
    const load = (text: string) => () => {
      writeFileSync(file, text);
      loadRecipe({ baseFile: file });
    };
    expect(load('adapter: lora\nadapter: full\n')).toThrow(/bad\.yml: .*unique/i);
    expect(load('a: &a [x]\nb: [*a, *a]\n')).toThrow(/RECIPE_INVALID|alias/i);
    expect(load('- 1\n')).toThrow(/bad\.yml: the file/);
    expect(() => loadRecipe({ baseFile: join(dir, 'none.yml') })).toThrow(/cannot be read/);
  });
});

describe('hyperparametersOf', () => {
  const of = (overrides: Record<string, unknown>) => hyperparametersOf(loadRecipe({ baseFile, overrides, task }));

  it('reads base.yml as its comments say', () => {
    const { hyperparameters, trainOnInputs, validation, notes } = of({});
    expect(hyperparameters).toMatchObject({
      lora: { rank: 32, alpha: 64, dropout: 0.05 },
      microBatchSize: 8,
      gradientAccumulationSteps: 1,
      epochs: 1,
      maxSteps: undefined,
      sequenceLen: 64,
      packing: false,
      learningRate: 2e-4,
      schedule: 'cosine',
      warmup: { ratio: 0.03 },
      maxGradNorm: 1,
      saveSteps: 50,
    });
    expect(hyperparameters.lora?.targets).toHaveLength(7);
    expect([trainOnInputs, validation]).toEqual([false, 0]);
    expect(notes).toEqual(['ignored on the CPU: bf16, gradient_checkpointing, flash_attention, logging_steps']);
    expect(of({ hub_model_id: 'me/model' }).notes[0], 'a job has no network').toContain('hub_model_id');
  });

  it.each([
    [{ adapter: 'qlora' }, /qlora .* needs a GPU/],
    [{ load_in_4bit: true }, /needs a GPU/],
    [{ optimizer: 'lion_pytorch' }, /optimizer lion_pytorch/],
    [{ lr_scheduler: 'polynomial' }, /lr_scheduler polynomial/],
    [{ lora_target_modules: ['lm_head'] }, /lora_target_modules lm_head/],
    [{ peft_use_dora: true }, /peft_use_dora/],
    [{ lora_modules_to_save: ['embed_tokens'] }, /lora_modules_to_save/],
  ])('refuses %j, which would train something else', (overrides, message) => {
    expect(() => of(overrides)).toThrow(message);
  });

  it('has no warm-up in a constant schedule and no clipping at 0, as in Hugging Face’s trainer', () => {
    expect(of({ lr_scheduler: 'constant', warmup_steps: 9 }).hyperparameters.warmup).toEqual({ steps: 0 });
    expect(of({ lr_scheduler: 'constant_with_warmup', warmup_steps: 9 }).hyperparameters).toMatchObject({
      schedule: 'constant',
      warmup: { steps: 9 },
    });
    expect(of({ max_grad_norm: 0 }).hyperparameters.maxGradNorm).toBeUndefined();
  });

  it('says when an optimiser runs as another one', () => {
    expect(of({ optimizer: 'adamw_bnb_8bit' }).notes.at(-1)).toBe('optimizer adamw_bnb_8bit runs as AdamW in float32');
  });
});

it('accepts every recipe in configs/demo', () => {
  const demo = join(configs, 'demo');
  const recipes = readdirSync(demo).filter((name) => name.endsWith('.yml'));
  expect(recipes.length).toBeGreaterThan(0);
  for (const name of recipes) {
    const overrides = parse(readFileSync(join(demo, name), 'utf8')) as Record<string, unknown>;
    expect(() => hyperparametersOf(loadRecipe({ baseFile, overrides, task })), name).not.toThrow();
  }
});
