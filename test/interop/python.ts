import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));
const DEADLINE_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const execute = promisify(execFile);

/** A virtual environment of the operator's, named by the path of its python. See README.md. */
export interface Venv {
  /** For test titles. */
  label: string;
  /** undefined: not installed here, so tests of it are skipped. */
  python: string | undefined;
}

function venv(label: string, variable: string): Venv {
  const python = process.env[variable];
  if (python && !existsSync(python)) throw new Error(`${variable} names ${python}, which does not exist`);
  return { label, python: python || undefined };
}

/** bittensor 11 brings its own wallet and btcli. */
export const NEWEST = venv('newest bittensor', 'TUNING_INTEROP_PYTHON');
/** bittensor 10 goes with the packages bittensor-wallet and bittensor-cli. */
export const TEN = venv('bittensor 10', 'TUNING_INTEROP_PYTHON_10');

/** huggingface_hub and datasets: small. */
export const HUB = venv('huggingface_hub and datasets', 'TUNING_HUB_PYTHON');
/** transformers and torch: large, so run on demand. */
export const TRANSFORMERS = venv('transformers', 'TUNING_REAL_PYTHON');

/** What makes the Python clients of Hugging Face use this hub alone; uploads by Xet would go to another service. */
export function hubEnvironment(endpoint: string, token: string): Record<string, string> {
  return {
    HF_ENDPOINT: endpoint,
    HF_TOKEN: token,
    HF_HUB_DISABLE_XET: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_ETAG_TIMEOUT: '60',
    HF_HUB_DOWNLOAD_TIMEOUT: '60',
    OMP_NUM_THREADS: '1',
  };
}

/**
 * Runs a program with a home of its own: the SDKs cache metadata there by genesis and spec version, and would go on
 * using that of an older build of the devnet. Throws with what it printed.
 */
async function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  timeout = DEADLINE_MS,
): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'interop-'));
  try {
    const { stdout } = await execute(file, args, {
      timeout,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: home,
        COLUMNS: '10000',
        NO_COLOR: '1',
        BT_NO_PARSE_CLI_ARGS: '1',
        ...env,
      },
    });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * Runs one of the scripts here; it prints its findings as JSON in its last line.
 * @param env beside a bare environment, e.g. that of `hubEnvironment`; a token never goes into `args`.
 */
export async function runScript(
  venv: Venv,
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  timeoutMs = DEADLINE_MS,
): Promise<any> {
  const output = await run(venv.python!, [join(FOLDER, script), ...args], env, timeoutMs);
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

/** Runs the btcli beside the environment's python with JSON output. */
export async function btcli(venv: Venv, args: readonly string[]): Promise<any> {
  return JSON.parse(await run(join(dirname(venv.python!), 'btcli'), args));
}
