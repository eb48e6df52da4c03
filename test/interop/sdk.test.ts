import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { type DevnetNode, setUpSubnet, startDevnetNode } from '@tuning/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { btcli, NEWEST, runScript, TEN, type Venv } from './python.ts';

const TEMPO = 20;
/** Of the subnet with commit-reveal: a commit whose epoch has gone by is deleted, and both plays have to end first. */
const CR_TEMPO = 1_000;
const COMMITMENT = 'a commitment by the SDK';
const WEIGHTS = [
  [0, 21_845],
  [1, 65_535],
];
const keyring = new Keyring({ type: 'sr25519' });
const address = (suri: string) => keyring.createFromUri(suri).address;

/** A chain with one plain subnet and one with commit-reveal, played by one SDK; `found` is what that says it saw. */
class Play {
  netuid = 0;
  crNetuid = 0;
  found: any;
  readonly #venv: Venv;
  readonly #script: string;
  #folder: string | undefined;
  #node: DevnetNode | undefined;
  #api: ApiPromise | undefined;

  constructor(venv: Venv, script: string) {
    this.#venv = venv;
    this.#script = script;
  }

  get endpoint(): string {
    return this.#node!.endpoint;
  }

  async start(): Promise<void> {
    if (!this.#venv.python) return;
    this.#folder = mkdtempSync(join(tmpdir(), 'interop-wallets-'));
    this.#node = await startDevnetNode({ blockMs: 250 });
    const { endpoint } = this;
    this.netuid = (await setUpSubnet({ endpoint, tempo: TEMPO, minBurn: 1_000_000n })).netuid;
    this.crNetuid = (await setUpSubnet({ endpoint, tempo: CR_TEMPO, commitReveal: true })).netuid;
    this.#api = await ApiPromise.create({ provider: new WsProvider(endpoint) as never, noInitWarn: true });
    const args = [endpoint, String(this.netuid), String(this.crNetuid), this.#folder];
    this.found = await runScript(this.#venv, this.#script, args);
  }

  async stop(): Promise<void> {
    await this.#api?.disconnect();
    await this.#node?.close();
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What plain polkadot.js reads of a storage item. */
  async stored(pallet: string, item: string, ...keys: unknown[]): Promise<any> {
    return (await this.#api!.query[pallet]![item]!(...keys)).toJSON();
  }

  async timelockedCommits(): Promise<any[]> {
    const entries = await this.#api!.query['subtensorModule']!['timelockedWeightCommits']!.entries(this.crNetuid);
    return entries.flatMap(([, value]) => value.toJSON() as any[]);
  }
}

const ten = new Play(TEN, 'sdk_10.py');
const newest = new Play(NEWEST, 'sdk_11.py');
// Both at once: an SDK mostly waits for blocks.
beforeAll(() => Promise.all([ten.start(), newest.start()]));
afterAll(() => Promise.all([ten.stop(), newest.stop()]));

const succeeded = expect.objectContaining({ ok: true });
describe.skipIf(!TEN.python)(`${TEN.label} on the devnet`, () => {
  const hotkey = address('//Interop10');

  it('connects and reads balances, subnets and hyperparameters', () => {
    const { found, netuid, crNetuid } = ten;
    expect(found.version).toMatch(/^10\./);
    expect(found.block).toBeGreaterThan(0);
    expect(found.fast).toBe(true);
    expect(found.balance).toBe(1_000_000_000_000_000);
    expect(found.hyperparameters).toEqual({
      tempo: TEMPO,
      kappa: 32_767,
      immunity_period: 5000,
      min_allowed_weights: 1,
      max_validators: 64,
      serving_rate_limit: 0,
    });
    expect(found.subnets).toEqual([0, 1, netuid, crNetuid]);
    expect(found.commit_reveal).toEqual([false, true]);
  });

  it('registers a hotkey', async () => {
    expect(ten.found.register).toEqual(succeeded);
    expect(ten.found.uid).toBe(1);
    expect(ten.found.balance_after).toBeLessThan(ten.found.balance);
    expect(await ten.stored('subtensorModule', 'uids', ten.netuid, hotkey)).toBe(1);
  });

  it('writes a commitment and an axon, and reads them as they are stored', async () => {
    const { found, netuid } = ten;
    expect(found.set_commitment).toEqual(succeeded);
    expect(found.commitment).toBe(COMMITMENT);
    expect(found.commitments).toEqual({ [hotkey]: COMMITMENT });
    const { info } = await ten.stored('commitments', 'commitmentOf', netuid, hotkey);
    expect(info.fields).toEqual([{ raw23: `0x${Buffer.from(COMMITMENT).toString('hex')}` }]);
    expect(found.serve_axon).toEqual(succeeded);
    expect(found.metagraph.axons).toEqual([
      ['0.0.0.0', 0],
      ['203.0.113.7', 8091],
    ]);
  });

  it('sets weights, and is told by name why it may not', async () => {
    const { found, netuid } = ten;
    expect(found.set_weights).toEqual(succeeded);
    expect(found.weights).toEqual([[0, WEIGHTS]]);
    expect(await ten.stored('subtensorModule', 'weights', netuid, 0)).toEqual(WEIGHTS);
    expect(found.refused_weights).toEqual({ ok: false, message: expect.stringContaining('NeuronNoValidatorPermit') });
  });

  it('commits weights timelocked where the subnet wants commit-reveal', async () => {
    const { found } = ten;
    expect(found.commit_weights).toEqual(succeeded);
    expect(found.timelocked).toEqual([
      { hotkey: address('//Alice_hk'), block: expect.any(Number), round: expect.any(Number) },
    ]);
    const [commit] = await ten.timelockedCommits();
    expect(commit[0]).toBe(address('//Alice_hk'));
    expect(commit[3]).toBe(found.timelocked[0].round);
  });

  it('stakes', () => {
    expect(ten.found.add_stake).toEqual(succeeded);
    // Shares round down by at most one RAO.
    expect(ten.found.stake).toBeGreaterThanOrEqual(4_999_999_999);
  });

  it('reads neurons and the metagraph', () => {
    const { found } = ten;
    const hotkeys = [address('//Alice_hk'), hotkey];
    expect(found.metagraph).toMatchObject({ uids: [0, 1], hotkeys, coldkeys: [address('//Alice'), address('//Bob')] });
    expect(found.metagraph.weights[0][1]).toBeCloseTo(0.75, 4);
    const neurons = [
      [0, hotkeys[0], '0.0.0.0'],
      [1, hotkeys[1], '203.0.113.7'],
    ];
    expect(found.neurons).toEqual(neurons);
    expect(found.neurons_lite).toEqual(neurons);
    expect(found.metagraph_info).toEqual({ hotkeys, commitments: true });
  });

  it('lists the subnet and its metagraph in btcli', async () => {
    const network = ['--network', ten.endpoint, '--json-output'];
    const netuid = String(ten.netuid);
    const [list, shown, parameters] = await Promise.all([
      btcli(TEN, ['subnets', 'list', ...network]),
      btcli(TEN, ['subnets', 'show', '--netuid', netuid, '--no-prompt', ...network]),
      btcli(TEN, ['sudo', 'get', '--netuid', netuid, ...network]),
    ]);
    expect(Object.keys(list.subnets)).toEqual(expect.arrayContaining(['0', '1', netuid]));
    expect(list.subnets[netuid]).toMatchObject({ netuid: ten.netuid, tempo: { sn_tempo: TEMPO } });
    expect(shown.uids.map((row: any) => row.hotkey).sort()).toEqual([address('//Alice_hk'), hotkey].sort());
    expect(parameters.find((row: any) => row.hyperparameter === 'tempo')).toMatchObject({ value: TEMPO });
  });
});

describe.skipIf(!NEWEST.python)(`${NEWEST.label} on the devnet`, () => {
  const hotkey = address('//Interop11');

  it('connects and reads balances, subnets and hyperparameters', () => {
    const { found, netuid, crNetuid } = newest;
    expect(found.spec_version).toBe(424);
    expect(found.block_time).toBe(0.25);
    expect(found.balance).toBe(1_000_000_000_000_000);
    expect(found.hyperparameters).toMatchObject({ tempo: TEMPO, kappa: 32_767, immunity_period: 5000 });
    expect(found.subnets).toEqual([0, 1, netuid, crNetuid]);
  });

  it('registers a hotkey, and is told by name that it is registered', async () => {
    const { found, netuid } = newest;
    expect(found.plan).toEqual({ ok: true });
    expect(found.register).toEqual(succeeded);
    // MevShield is not emulated, and the SDK's own registration knows no other way.
    expect(found.shielded_register).toMatchObject({ ok: false, message: expect.stringContaining('MevShield') });
    expect(found.uid).toBe(1);
    expect(found.balance_after).toBeLessThan(found.balance);
    expect(found.register_again).toEqual({
      ok: false,
      error: 'HotKeyAlreadyRegisteredInSubNet',
      message: expect.anything(),
    });
    expect(await newest.stored('subtensorModule', 'uids', netuid, hotkey)).toBe(1);
  });

  it('writes a commitment, an axon and a certificate, and reads them as they are stored', async () => {
    const { found, netuid } = newest;
    expect(found.set_commitment).toEqual(succeeded);
    expect(found.commitment).toBe(COMMITMENT);
    expect(found.metagraph.commitments).toEqual({ 1: COMMITMENT });
    const { info } = await newest.stored('commitments', 'commitmentOf', netuid, hotkey);
    expect(info.fields).toEqual([{ raw23: `0x${Buffer.from(COMMITMENT).toString('hex')}` }]);
    expect(found.serve_axon).toEqual(succeeded);
    expect(found.metagraph.axons).toEqual([null, '203.0.113.7:8091']);
    const certificate = await newest.stored('subtensorModule', 'neuronCertificates', netuid, hotkey);
    expect(certificate).toEqual({ publicKey: `0x${'11'.repeat(32)}`, algorithm: 0xed });
  });

  it('sets weights, and is told by name why it may not', async () => {
    const { found, netuid } = newest;
    expect(found.set_weights).toEqual(succeeded);
    expect(await newest.stored('subtensorModule', 'weights', netuid, 0)).toEqual(WEIGHTS);
    expect(Object.keys(found.weights)).toEqual(['0']);
    expect(Object.keys(found.weights[0])).toEqual(['0', '1']);
    expect(found.refused_weights).toEqual({ ok: false, error: 'NeuronNoValidatorPermit', message: expect.anything() });
  });

  it('commits weights timelocked where the subnet wants commit-reveal', async () => {
    const { found } = newest;
    expect(found.commit_weights).toEqual(succeeded);
    const [commit] = await newest.timelockedCommits();
    expect([commit[0], commit[3]]).toEqual([address('//Alice_hk'), found.reveal_round]);
  });

  it('reads neurons and the metagraph', () => {
    const { found } = newest;
    const hotkeys = [address('//Alice_hk'), hotkey];
    expect(found.metagraph).toMatchObject({ hotkeys, coldkeys: [address('//Alice'), address('//Bob')] });
    expect(found.neurons).toEqual(hotkeys.map((one, uid) => [uid, one]));
    expect(found.neurons_lite).toEqual(found.neurons);
  });

  it('lists the subnet and its metagraph in btcli', async () => {
    const query = (...args: string[]) => btcli(NEWEST, ['--network', newest.endpoint, '--json', 'query', ...args]);
    const [subnets, graph] = await Promise.all([
      query('subnets'),
      query('metagraph', '--netuid', String(newest.netuid)),
    ]);
    expect(subnets.map((row: any) => row.netuid)).toEqual([0, 1, newest.netuid, newest.crNetuid]);
    expect(graph).toMatchObject({ netuid: newest.netuid, tempo: TEMPO, hotkeys: [address('//Alice_hk'), hotkey] });
  });
});
