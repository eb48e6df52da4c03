import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setUpSubnet } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import { createWallet } from '@tuning/wallet';
import { publishAssets, REPOSITORY } from './assets.ts';
import { DemoChild } from './child-process.ts';
import { DEMO_MARK } from './demo-processes.ts';
import { stopDemoJobs } from './kill-demo.ts';
import { MINERS, type Participant, VALIDATOR } from './participants.ts';

const START_MS = 60_000;
/** What //Alice sends to each coldkey: enough to register a few times over. */
const FUND_RAO = 5_000n * 1_000_000_000n;

/** A network of processes on this machine: chain node, hub, one validator, miners. */
export class DemoNetwork {
  readonly folder: string;
  readonly hotkeys = new Map<string, string>();
  readonly #children: DemoChild[] = [];
  readonly #signal: AbortSignal;
  /** Flags of every miner about where it trains. */
  readonly #training: readonly string[];
  netuid = 0;
  chainEndpoint = '';
  hubEndpoint = '';
  validatorUrl = '';

  constructor(folder: string, training: readonly string[], signal: AbortSignal) {
    this.folder = folder;
    this.#training = training;
    this.#signal = signal;
  }

  /** Node and hub, each its own process on a free port. */
  async startServices(blockMs: number): Promise<void> {
    await mkdir(join(this.folder, 'tokens'), { recursive: true, mode: 0o700 });
    await mkdir(join(this.folder, 'logs'), { recursive: true });
    const cli = join(REPOSITORY, 'packages', 'cli', 'bin', 'tuning.js');
    const tokens = ['demo', VALIDATOR.name, ...MINERS.map(({ name }) => name)].flatMap((name) => [
      '--token',
      `${name}:write:${this.#tokenFile(name)}`,
    ]);
    const node = this.#spawn('chain', [cli, 'devnet', '--port', '0', '--block-ms', String(blockMs)], {});
    const hub = this.#spawn('hub', [cli, 'hub', '--port', '0', '--data-dir', join(this.folder, 'hub'), ...tokens], {});
    const [nodeLine, hubLine] = await Promise.all([
      node.line('devnet node is ready', START_MS, this.#signal),
      hub.line('hub is ready', START_MS, this.#signal),
    ]);
    this.chainEndpoint = String(nodeLine['endpoint']);
    this.hubEndpoint = String(hubLine['endpoint']);
  }

  /** Wallets for everybody, TAO for the miners, a subnet owned by the validator's wallet. */
  async createSubnet(tempo: number): Promise<void> {
    const coldkeys: string[] = [];
    let owner = { coldkey: '', hotkey: '' };
    for (const { name } of [VALIDATOR, ...MINERS]) {
      const made = await createWallet({ name, hotkey: 'default', path: this.#walletsPath });
      this.hotkeys.set(name, made.hotkey.address);
      coldkeys.push(made.coldkey.address);
      if (name === VALIDATOR.name)
        owner = { coldkey: made.coldkey.mnemonic?.reveal() ?? '', hotkey: made.hotkey.address };
    }
    const subnet = await setUpSubnet({
      endpoint: this.chainEndpoint,
      tempo,
      ownerColdkey: owner.coldkey,
      ownerHotkey: { address: owner.hotkey },
      fund: coldkeys,
      fundAmount: FUND_RAO,
      signal: this.#signal,
    });
    this.netuid = subnet.netuid;
  }

  async publishAssets(): Promise<void> {
    const token = new Secret((await readFile(this.#tokenFile('demo'), 'utf8')).trim());
    await publishAssets(createHub({ endpoint: this.hubEndpoint, token }), this.#signal);
  }

  startValidator(): DemoChild {
    return this.#startNeuron('validator', VALIDATOR, []);
  }

  startMiner(miner: Participant): DemoChild {
    const recipe = miner.recipe ? ['--training.recipe', join(REPOSITORY, 'configs', 'demo', miner.recipe)] : [];
    return this.#startNeuron('miner', miner, [
      '--register',
      '--max-burn',
      '10',
      ...this.#training,
      ...recipe,
      ...(miner.flags ?? []),
    ]);
  }

  #startNeuron(role: 'miner' | 'validator', who: Participant, more: readonly string[]): DemoChild {
    const args = [
      join(REPOSITORY, 'neurons', `${role}.js`),
      ...['--config', join(REPOSITORY, 'configs', 'demo', `${role}.yaml`)],
      ...['--wallet.name', who.name, '--wallet.hotkey', 'default', '--wallet.path', this.#walletsPath],
      ...['--netuid', String(this.netuid), '--subtensor.chain_endpoint', this.chainEndpoint],
      ...['--hub.endpoint', this.hubEndpoint, '--data-dir', join(this.folder, 'data', who.name)],
      ...['--axon.port', '0', '--http.port', '0'],
      ...more,
    ];
    return this.#spawn(who.name, args, { HF_TOKEN_FILE: this.#tokenFile(who.name) });
  }

  #spawn(name: string, args: readonly string[], env: Readonly<Record<string, string>>): DemoChild {
    this.#signal.throwIfAborted();
    const child = new DemoChild({
      name,
      args,
      cwd: REPOSITORY,
      // A clean environment: what the demo shows must not depend on the operator's own variables.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: this.folder,
        ORT_DISABLE_TELEMETRY: '1',
        ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }),
        [DEMO_MARK]: this.folder,
        ...env,
      },
      logFile: join(this.folder, 'logs', `${name}.log`),
    });
    this.#children.push(child);
    return child;
  }

  /** Stops every process, the sealed jobs included. Neurons go first, so that they can still reach chain and hub. */
  async stop(): Promise<void> {
    const neurons = this.#children.filter(({ name }) => name !== 'chain' && name !== 'hub');
    await Promise.all(neurons.map((child) => child.stop(8_000)));
    await stopDemoJobs(this.folder);
    await Promise.all(this.#children.map((child) => child.stop(3_000)));
  }

  get #walletsPath(): string {
    return join(this.folder, 'wallets');
  }

  #tokenFile(name: string): string {
    return join(this.folder, 'tokens', name);
  }
}
