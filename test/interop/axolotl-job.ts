import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DatasetType } from '@tuning/protocol';
import { loadRecipe, recipeYaml } from '@tuning/training';

const root = fileURLToPath(new URL('../../', import.meta.url));
const assets = join(root, 'packages/devnet/assets');
const ROWS = 400;
export const SEQUENCE_LEN = 96;
export const DATASET_TYPE = { field_instruction: 'instruction', field_input: 'input', field_output: 'output' };
/** What needs a GPU switched off, as an operator of a CPU would. */
export const ON_CPU = {
  bf16: false,
  flash_attention: false,
  gradient_checkpointing: false,
  lora_mlp_kernel: false,
  lora_qkv_kernel: false,
  lora_o_kernel: false,
};

/** The text of a task's recipe.yml, as the miner writes it. */
export const recipeText = (overrides: Record<string, unknown>, datasetType: DatasetType = DATASET_TYPE): string =>
  recipeYaml(
    loadRecipe({
      baseFile: join(root, 'configs/base.yml'),
      overrides,
      task: {
        datasetType,
        sequenceLen: SEQUENCE_LEN,
        seed: 7,
        baseRepo: 'demo/tiny-llama',
        baseRevision: 'b'.repeat(40),
      },
    }),
  );

/** A job folder as the miner fills it: the demo's model, some of its rows and a recipe. */
export class AxolotlJob {
  readonly dir = mkdtempSync(join(tmpdir(), 'axolotl-job-'));
  readonly lines: string[] = [];
  readonly #python: string;

  constructor(python: string, recipe: string) {
    this.#python = python;
    mkdirSync(join(this.dir, 'data'));
    mkdirSync(join(this.dir, 'out'));
    cpSync(join(assets, 'tiny-llama'), join(this.dir, 'model'), { recursive: true });
    const rows = readFileSync(join(assets, 'wordnet-qa/data/train.jsonl'), 'utf8').split('\n').slice(0, ROWS);
    writeFileSync(this.rows, `${rows.join('\n')}\n`);
    writeFileSync(join(this.dir, 'recipe.yml'), recipe);
  }

  get rows(): string {
    return join(this.dir, 'data/train.jsonl');
  }

  get model(): string {
    return join(this.dir, 'out/model');
  }

  get curve(): { step: number; loss: number; lr: number; tokens: number }[] {
    const lines = readFileSync(join(this.dir, 'out/log.jsonl'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  /** Runs /app/train's program; its exit code. @param onLine called with each line of stdout and stderr */
  async run(onLine: (line: string, child: ChildProcess) => void = () => {}): Promise<number | null> {
    const child = spawn(this.#python, ['-m', 'axolotl_job'], {
      env: {
        PATH: process.env['PATH'],
        HOME: this.dir,
        TUNING_JOB_DIR: this.dir,
        PYTHONPATH: join(root, 'docker/trainer-axolotl'),
        PYTHONUNBUFFERED: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        OMP_NUM_THREADS: '2',
      },
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        onLine(line, child);
      });
    }
    const [code] = await once(child, 'close');
    return code;
  }

  /** SIGKILL to all of the job's processes at once, as an engine ends a container. */
  kill(): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        if (environment.includes(`TUNING_JOB_DIR=${this.dir}`)) process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** What a validator would say of the result, and its loss on the job's rows: `tuning check`. */
  async check(): Promise<{ kind: string; verdict: { code: string }; measured: { loss: number } }> {
    const args = ['check', this.model, '--base', join(this.dir, 'model'), '--data', this.rows];
    const type = ['--type', JSON.stringify(DATASET_TYPE), '--sequence-len', String(SEQUENCE_LEN), '--json'];
    const { stdout } = await promisify(execFile)('node', [join(root, 'packages/cli/bin/tuning.js'), ...args, ...type]);
    return JSON.parse(stdout);
  }

  remove(): void {
    this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
