import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type DevnetNode, type LocalHub, setUpSubnet, startDevnetNode, startHub } from '@tuning/devnet';
import { createHub, type Hub } from '@tuning/hub';
import { Secret, waitFor } from '@tuning/kit';
import { removeAllContainers, stopAllJobs } from '@tuning/runner';
import { createWallet } from '@tuning/wallet';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ASSETS = join(ROOT, 'packages', 'devnet', 'assets');
const TAO = 1_000_000_000n;

export const DATASET_TYPE = {
  field_instruction: 'instruction',
  field_input: 'input',
  field_output: 'output',
  format: 'Question: {instruction} ({input})\nAnswer: ',
  no_input_format: 'Question: {instruction}\nAnswer: ',
};

/** Quick recipes: what a test needs is the path, not a good model. */
export const RECIPES = {
  lora: 'adapter: lora\nlora_r: 4\nlora_alpha: 8\nlora_dropout: 0\nlora_target_linear: true\nlearning_rate: 0.005\nmicro_batch_size: 4\ngradient_accumulation_steps: 1\nmax_steps: 12\nwarmup_steps: 2\nlr_scheduler: constant\n',
  full: 'adapter: full\nlearning_rate: 0.001\nmicro_batch_size: 4\ngradient_accumulation_steps: 1\nmax_steps: 12\nwarmup_steps: 2\nlr_scheduler: constant\n',
  long: 'adapter: lora\nlora_r: 4\nlora_alpha: 8\nlora_dropout: 0\nlora_target_linear: true\nlearning_rate: 0.005\nmicro_batch_size: 8\ngradient_accumulation_steps: 2\nmax_steps: 120\nsave_steps: 10\nwarmup_steps: 2\nlr_scheduler: constant\n',
};

export interface Line {
  msg?: string;
  [key: string]: unknown;
}

/** A spawned daemon: its log lines, its end. */
export class Daemon {
  readonly process: ChildProcess;
  readonly lines: Line[] = [];
  stderr = '';
  stdout = '';
  readonly ended: Promise<number | null>;

  constructor(script: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.process = spawn(process.execPath, [join(ROOT, script), ...args], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: tmpdir(),
        ORT_DISABLE_TELEMETRY: '1',
        ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: this.process.stdout! }).on('line', (text) => {
      this.stdout += `${text}\n`;
      if (text.startsWith('{"level"')) this.lines.push(JSON.parse(text) as Line);
    });
    this.process.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) => this.process.once('close', (code) => resolve(code)));
  }

  /** The first log line with that message. */
  async line(message: string, ms = 60_000): Promise<Line> {
    let over = false;
    this.ended.then(() => {
      over = true;
    });
    return waitFor(
      `log line "${message}"`,
      () => {
        const found = this.lines.find(({ msg }) => msg === message);
        if (!found && over)
          throw new Error(`the daemon ended before "${message}":\n${this.stderr}\n${this.stdout.slice(-3_000)}`);
        return found;
      },
      { ms, everyMs: 20 },
    );
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.process.kill(signal);
    await this.ended;
  }
}

export interface TaskView {
  task_id: string;
  state: string;
  failure: { code: string; message: string } | null;
  seal: string | null;
  block: number;
  deadline_block: number | null;
  group: { hotkey: string; answer: string; reason: string | null; status: { state: string; step?: number } | null }[];
  losses:
    | { hotkey: string; verdict: { code: string; reason: string }; test: { loss: number } | null; score: number }[]
    | null;
  winner: { hotkey: string; repo: string; revision: string } | null;
  weights: { block: number; uids: number[]; values: number[] } | null;
}

/** A chain node and a hub in this process, daemons as processes of their own. */
export class Network {
  readonly folder = mkdtempSync(join(tmpdir(), 'e2e-'));
  readonly hotkeys = new Map<string, string>();
  readonly #daemons: Daemon[] = [];
  #node!: DevnetNode;
  #hub!: LocalHub;
  netuid = 0;

  get endpoint(): string {
    return this.#node.endpoint;
  }

  get hubEndpoint(): string {
    return this.#hub.endpoint;
  }

  async start(names: readonly string[], options: { blockMs?: number; owner?: string } = {}): Promise<void> {
    const owner = options.owner ?? 'validator';
    this.#node = await startDevnetNode({ blockMs: options.blockMs ?? 250 });
    this.#hub = await startHub({ dataDir: join(this.folder, 'hub') });
    const coldkeys: string[] = [];
    let ownerWords = '';
    for (const name of new Set([owner, ...names])) {
      const made = await createWallet({ name, hotkey: 'default', path: this.walletsPath });
      this.hotkeys.set(name, made.hotkey.address);
      coldkeys.push(made.coldkey.address);
      if (name === owner) ownerWords = made.coldkey.mnemonic!.reveal();
      await this.token(name, 'write');
    }
    const subnet = await setUpSubnet({
      endpoint: this.endpoint,
      tempo: 40,
      ownerColdkey: ownerWords,
      ownerHotkey: { address: this.hotkeys.get(owner)! },
      fund: coldkeys,
      fundAmount: 5_000n * TAO,
    });
    this.netuid = subnet.netuid;
    await this.publish('demo', 'model', 'demo/tiny-llama', 'tiny-llama');
    await this.publish('demo', 'dataset', 'demo/wordnet-qa', 'wordnet-qa');
  }

  /** What all daemons have printed so far. */
  get printed(): string {
    return this.#daemons.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  }

  get walletsPath(): string {
    return join(this.folder, 'wallets');
  }

  /** File with a token of that namespace. */
  async token(namespace: string, role: 'read' | 'write'): Promise<string> {
    const file = join(this.folder, `token-${namespace}-${role}`);
    writeFileSync(file, await this.#hub.createToken({ namespace, role }), { mode: 0o600 });
    return file;
  }

  async client(namespace: string): Promise<Hub> {
    const token = new Secret(readFileSync(await this.token(namespace, 'write'), 'utf8'));
    return createHub({ endpoint: this.hubEndpoint, token });
  }

  /** Publishes a folder of the repository's assets under any name. */
  async publish(namespace: string, type: 'model' | 'dataset', repo: string, asset: string): Promise<void> {
    const root = join(ASSETS, asset);
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((content) => ({ path: relative(root, content), content }));
    const hub = await this.client(namespace);
    await hub.publish({ type, repo, visibility: 'public', files, message: 'test asset' });
  }

  neuronArgs(name: string, more: readonly string[] = []): string[] {
    return [
      ...['--wallet.name', name, '--wallet.path', this.walletsPath],
      ...['--netuid', String(this.netuid), '--subtensor.chain_endpoint', this.endpoint],
      ...['--hub.endpoint', this.hubEndpoint, '--data-dir', join(this.folder, 'data', name)],
      ...['--axon.port', '0', '--http.port', '0', '--logging.level', 'debug'],
      ...more,
    ];
  }

  spawn(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Daemon {
    const daemon = new Daemon(script, args, env);
    this.#daemons.push(daemon);
    return daemon;
  }

  async miner(name: string, recipe: string, more: readonly string[] = []): Promise<Daemon> {
    const file = join(this.folder, `${name}.yml`);
    writeFileSync(file, recipe);
    const args = this.neuronArgs(name, [
      '--register',
      '--max-burn',
      '20',
      '--training.recipe',
      file,
      '--training.threads',
      '1',
      '--policy.min_blocks',
      '5',
      ...more,
    ]);
    return this.spawn('neurons/miner.js', args, { HF_TOKEN_FILE: await this.token(name, 'write') });
  }

  async validator(name = 'validator', more: readonly string[] = []): Promise<Daemon> {
    const args = this.neuronArgs(name, [
      ...['--tournament.offer_blocks', '24', '--tournament.grace_blocks', '60', '--tournament.sequence_len', '96'],
      ...['--evaluation.threads', '1', '--evaluation.max_model_gb', '0.1', ...more],
    ]);
    return this.spawn('neurons/validator.js', args, { HF_TOKEN_FILE: await this.token(name, 'write') });
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#daemons.map((daemon) =>
        daemon.process.exitCode === null && daemon.process.signalCode === null ? daemon.kill() : undefined,
      ),
    );
    for (const name of this.hotkeys.keys()) {
      for (const root of ['runner', 'check-runner']) await stopAllJobs(join(this.folder, 'data', name, root));
      await removeAllContainers(join(this.folder, 'data', name, 'containers'));
    }
    await this.#node?.close();
    await this.#hub?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One HTTP call; the status and the parsed body. */
export async function call(url: string, method = 'GET', body?: unknown): Promise<{ status: number; body: any }> {
  const response = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
  });
  return { status: response.status, body: await response.json() };
}

export const httpOf = async (daemon: Daemon, ready: string): Promise<string> =>
  `http://127.0.0.1:${String((await daemon.line(ready)).httpPort)}`;

/** What plain polkadot.js reads, in a process of its own: the node may live in this one. */
export async function readChain(network: Network): Promise<any> {
  const args = [join(ROOT, 'test', 'read-chain.mjs'), network.endpoint, String(network.netuid), '--events'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000, maxBuffer: 64 * 1024 ** 2 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

/** Processes of this machine whose command line names the folder. */
export function processesOf(folder: string): string[] {
  const out = execFileSync('ps', ['-eo', 'pid=,args=']).toString();
  return out.split('\n').filter((line) => line.includes(folder) && !line.includes(' ps -eo'));
}
