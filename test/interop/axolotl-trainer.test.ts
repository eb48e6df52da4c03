import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetType } from '@tuning/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AxolotlJob, DATASET_TYPE, ON_CPU, recipeText } from './axolotl-job.ts';

/** A Python with Axolotl (README.md); what it does takes minutes, so it is run on demand. */
const python = process.env['TUNING_AXOLOTL_PYTHON'];
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const LIMIT_MS = 1_800_000;
const STEPS = 20;
/** The base's loss on the job's rows; each training must get well below. */
const BASE_LOSS = 4.7087;

const LORA = { adapter: 'lora', lora_r: 8, lora_alpha: 16, lora_dropout: 0, learning_rate: 5e-3 };
const FULL = { adapter: 'full', learning_rate: 1e-3 };
const short = { ...ON_CPU, max_steps: STEPS, warmup_steps: 2, save_steps: 5 };

function jobOf(recipe: string): AxolotlJob {
  const job = new AxolotlJob(python!, recipe);
  onTestFinished(() => job.remove());
  return job;
}

const words = (job: AxolotlJob) => job.lines.slice(-40).join('\n');
const allSteps = Array.from({ length: STEPS }, (_, index) => index + 1);

describe.skipIf(python === undefined)('the Axolotl trainer with real Axolotl (TUNING_AXOLOTL_PYTHON)', () => {
  it(
    'makes of every recipe a config that Axolotl’s own schema takes',
    () => {
      const types: DatasetType[] = ['alpaca', 'instruct', 'completion', 'pretrain', DATASET_TYPE];
      const adapters = ['lora', 'qlora', 'full'];
      const recipes = adapters.flatMap((adapter) =>
        types.map((type) => recipeText({ adapter, hub_model_id: 'me/x', wandb_project: 'p' }, type)),
      );
      const job = jobOf('');
      const run = (script: string, args: string[], input: unknown) =>
        JSON.parse(
          execFileSync(python!, [file(script), ...args], {
            input: JSON.stringify(input),
            encoding: 'utf8',
            stdio: ['pipe', 'pipe', 'ignore'],
            env: { ...process.env, PYTHONPATH: file('../../docker/trainer-axolotl') },
          }),
        );
      const configs: string[] = run('./axolotl_mapping.py', [job.dir], recipes);
      const broken = configs[0]!.replace('adapter: lora', 'adapter: qlora');
      const answers = run('../../packages/training/test/vectors/axolotl-config.py', ['validate'], [...configs, broken]);
      expect(answers).toEqual([...recipes.map(() => null), expect.stringContaining('load_in_4bit')]);
      for (const config of configs) expect(config).not.toMatch(/hub_model_id|wandb_project|tuning:/);
    },
    LIMIT_MS,
  );

  it(
    'goes on after SIGKILL and after SIGTERM as if nothing had been, to an adapter that a validator accepts',
    async () => {
      const whole = jobOf(recipeText({ ...short, ...LORA }));
      expect(await whole.run(), words(whole)).toBe(0);
      expect(whole.curve.map(({ step }) => step)).toEqual(allSteps);

      const cut = jobOf(recipeText({ ...short, ...LORA }));
      // After the checkpoint of step 5, before that of step 10. Not every step is printed everywhere: the log has them all.
      const killed = await cut.run((line) => {
        if (line.startsWith('step 7/')) cut.kill();
      });
      expect(killed, words(cut)).toBe(null);
      const stopped = await cut.run((line, child) => {
        if (line.startsWith('step 12/')) child.kill('SIGTERM');
      });
      expect(stopped, words(cut)).toBe(143);
      expect(words(cut)).toMatch(/stopped after step 1\d; the checkpoint is written/);
      expect(await cut.run(), words(cut)).toBe(0);
      expect(cut.lines.filter((line) => /^step \d+\/20 begins/.test(line))).toEqual([
        'step 0/20 begins',
        'step 5/20 begins',
        expect.stringMatching(/^step 1[2-4]\/20 begins/),
      ]);

      expect(cut.curve.map(({ step }) => step)).toEqual(allSteps);
      expect(cut.curve.map(({ tokens }) => tokens)).toEqual(whole.curve.map(({ tokens }) => tokens));
      const losses = (job: AxolotlJob) => job.curve.map(({ loss }) => loss);
      expect(losses(cut)).toEqual(losses(whole));

      expect(readdirSync(join(cut.dir, 'out')).toSorted()).toEqual(['log.jsonl', 'model']);
      const found = await cut.check();
      expect(found).toMatchObject({ kind: 'adapter', verdict: { code: 'accepted' } });
      expect(found.measured.loss).toBeLessThan(BASE_LOSS - 0.5);
      // Again does nothing.
      expect(await cut.run()).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'trains every weight: a full model with the base’s config, which a validator accepts',
    async () => {
      const job = jobOf(recipeText({ ...short, ...FULL }));
      expect(await job.run(), words(job)).toBe(0);
      const found = await job.check();
      expect(found).toMatchObject({ kind: 'full', verdict: { code: 'accepted' } });
      expect(found.measured.loss).toBeLessThan(BASE_LOSS - 0.5);
    },
    LIMIT_MS,
  );

  it(
    'refuses with code 2 and Axolotl’s words what no further try can mend',
    async () => {
      const recipes = {
        load_in_4bit: recipeText({ ...short, ...LORA }).replace('adapter: lora', 'adapter: qlora'),
        no_such_column: recipeText({ ...short, ...LORA }, { ...DATASET_TYPE, field_instruction: 'no_such_column' }),
      };
      for (const [word, recipe] of Object.entries(recipes)) {
        const job = jobOf(recipe);
        expect(await job.run(), words(job)).toBe(2);
        expect(job.lines.at(-1)).toMatch(/^Axolotl refuses the job: /);
        expect(job.lines.at(-1)).toContain(word);
      }
    },
    LIMIT_MS,
  );
});
