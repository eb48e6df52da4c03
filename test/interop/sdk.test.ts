import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { type DevnetNode, setUpSubnet, startDevnetNode } from '@tuning/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { btcli, NEWEST, runScript, TEN, type Venv } from './python.ts';

const TEMPO = 20;
const COMMITMENT = 'a commitment by the SDK';
const WEIGHTS = [
  [0, 21_845],
  [1, 65_535],
];
const keyring = new Keyring({ type: 'sr25519' });
const address = (suri: string) => keyring.createFromUri(suri).address;

/** A chain with one plain subnet and one with commit-reveal, played by one SDK; `found` is what that says it saw. */
function played(venv: Venv, script: string) {
  let node: DevnetNode;
  let api: ApiPromise;
  let folder: string;
  const play = { netuid: 0, crNetuid: 0, found: {} as any };
  beforeAll(async () => {
    if (!venv.python) return;
    folder = mkdtempSync(join(tmpdir(), 'interop-wallets-'));
    node = await startDevnetNode({ blockMs: 250 });
    const { endpoint } = node;
    play.netuid = (await setUpSubnet({ endpoint, tempo: TEMPO, minBurn: 1_000_000n })).netuid;
    play.crNetuid = (await setUpSubnet({ endpoint, tempo: TEMPO, commitReveal: true })).netuid;
    const provider = new WsProvider(endpoint) as never;
    api = await ApiPromise.create({ provider, noInitWarn: true });
    play.found = await runScript(venv, script, [endpoint, String(play.netuid), String(play.crNetuid), folder]);
  });
  afterAll(async () => {
    await api?.disconnect();
    await node?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  return { play, api: () => api, node: () => node };
}

const succeeded = { ok: true, message: expect.anything() };
/** [first, second] of the JSON that plain polkadot.js reads of a storage item. */
async function stored(api: ApiPromise, pallet: string, item: string, ...keys: unknown[]): Promise<any> {
  return (await (api.query as any)[pallet][item](...keys)).toJSON();
}

describe.skipIf(!TEN.python)(`${TEN.label} on the devnet`, () => {
  const { play, api, node } = played(TEN, 'sdk_10.py');
  const hotkey = address('//Interop10');

  it('connects and reads balances, subnets and hyperparameters', () => {
    const { found, netuid, crNetuid } = play;
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
    expect(play.found.register).toEqual(succeeded);
    expect(play.found.uid).toBe(1);
    expect(play.found.balance_after).toBeLessThan(play.found.balance);
    expect(await stored(api(), 'subtensorModule', 'uids', play.netuid, hotkey)).toBe(1);
  });

  it('writes a commitment and an axon, and reads them as they are stored', async () => {
    const { found, netuid } = play;
    expect(found.set_commitment).toEqual(succeeded);
    expect(found.commitment).toBe(COMMITMENT);
    expect(found.commitments).toEqual({ [hotkey]: COMMITMENT });
    const { info } = await stored(api(), 'commitments', 'commitmentOf', netuid, hotkey);
    expect(info.fields).toEqual([{ raw23: `0x${Buffer.from(COMMITMENT).toString('hex')}` }]);
    expect(found.serve_axon).toEqual(succeeded);
    expect(found.metagraph.axons).toEqual([
      ['0.0.0.0', 0],
      ['203.0.113.7', 8091],
    ]);
  });

  it('sets weights, and is told by name why it may not', async () => {
    const { found, netuid } = play;
    expect(found.set_weights).toEqual(succeeded);
    expect(found.weights).toEqual([[0, WEIGHTS]]);
    expect(await stored(api(), 'subtensorModule', 'weights', netuid, 0)).toEqual(WEIGHTS);
    expect(found.refused_weights).toEqual({ ok: false, message: expect.stringContaining('NeuronNoValidatorPermit') });
  });

  it('commits weights timelocked where the subnet wants commit-reveal', async () => {
    const { found, crNetuid } = play;
    expect(found.commit_weights).toEqual(succeeded);
    expect(found.timelocked).toEqual([
      { hotkey: address('//Alice_hk'), block: expect.any(Number), round: expect.any(Number) },
    ]);
    const entries = await api().query['subtensorModule']!['timelockedWeightCommits']!.entries(crNetuid);
    const [commit] = entries.flatMap(([, value]) => value.toJSON() as any[]);
    expect(commit[0]).toBe(address('//Alice_hk'));
    expect(commit[3]).toBe(found.timelocked[0].round);
  });

  it('stakes', () => {
    expect(play.found.add_stake).toEqual(succeeded);
    // Shares round down by at most one RAO.
    expect(play.found.stake).toBeGreaterThanOrEqual(4_999_999_999);
  });

  it('reads neurons and the metagraph', () => {
    const { found } = play;
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
    const network = ['--network', node().endpoint, '--json-output'];
    const list = await btcli(TEN, ['subnets', 'list', ...network]);
    expect(Object.keys(list.subnets)).toEqual(expect.arrayContaining(['0', '1', String(play.netuid)]));
    expect(list.subnets[play.netuid]).toMatchObject({ netuid: play.netuid, tempo: { sn_tempo: TEMPO } });
    const shown = await btcli(TEN, ['subnets', 'show', '--netuid', String(play.netuid), '--no-prompt', ...network]);
    expect(shown.uids.map((row: any) => row.hotkey).sort()).toEqual([address('//Alice_hk'), hotkey].sort());
    const parameters = await btcli(TEN, ['sudo', 'get', '--netuid', String(play.netuid), ...network]);
    expect(parameters.find((row: any) => row.hyperparameter === 'tempo')).toMatchObject({ value: TEMPO });
  });
});

describe.skipIf(!NEWEST.python)(`${NEWEST.label} on the devnet`, () => {
  const { play, api, node } = played(NEWEST, 'sdk_11.py');
  const hotkey = address('//Interop11');

  it('connects and reads balances, subnets and hyperparameters', () => {
    const { found, netuid, crNetuid } = play;
    expect(found.spec_version).toBe(424);
    expect(found.block_time).toBe(0.25);
    expect(found.balance).toBe(1_000_000_000_000_000);
    expect(found.hyperparameters).toMatchObject({ tempo: TEMPO, kappa: 32_767, immunity_period: 5000 });
    expect(found.subnets).toEqual([0, 1, netuid, crNetuid]);
  });

  it('registers a hotkey, and is told by name that it is registered', async () => {
    const { found, netuid } = play;
    expect(found.plan).toEqual({ ok: true });
    expect(found.register).toEqual(succeeded);
    expect(found.uid).toBe(1);
    expect(found.balance_after).toBeLessThan(found.balance);
    expect(found.register_again).toEqual({ ok: false, message: 'HotKeyAlreadyRegisteredInSubNet' });
    expect(await stored(api(), 'subtensorModule', 'uids', netuid, hotkey)).toBe(1);
  });

  it('writes a commitment, an axon and a certificate, and reads them as they are stored', async () => {
    const { found, netuid } = play;
    expect(found.set_commitment).toEqual(succeeded);
    expect(found.commitment).toBe(COMMITMENT);
    expect(found.metagraph.commitments).toEqual({ 1: COMMITMENT });
    const { info } = await stored(api(), 'commitments', 'commitmentOf', netuid, hotkey);
    expect(info.fields).toEqual([{ raw23: `0x${Buffer.from(COMMITMENT).toString('hex')}` }]);
    expect(found.serve_axon).toEqual(succeeded);
    expect(found.metagraph.axons).toEqual([null, '203.0.113.7:8091']);
    const certificate = await stored(api(), 'subtensorModule', 'neuronCertificates', netuid, hotkey);
    expect(certificate).toEqual({ publicKey: `0x${'11'.repeat(32)}`, algorithm: 0xed });
  });

  it('sets weights, and is told by name why it may not', async () => {
    const { found, netuid } = play;
    expect(found.set_weights).toEqual(succeeded);
    expect(await stored(api(), 'subtensorModule', 'weights', netuid, 0)).toEqual(WEIGHTS);
    expect(Object.keys(found.weights)).toEqual(['0']);
    expect(Object.keys(found.weights[0])).toEqual(['0', '1']);
    expect(found.refused_weights).toEqual({ ok: false, message: expect.stringContaining('NeuronNoValidatorPermit') });
  });

  it('commits weights timelocked where the subnet wants commit-reveal', async () => {
    const { found, crNetuid } = play;
    expect(found.commit_weights).toEqual(succeeded);
    const entries = await api().query['subtensorModule']!['timelockedWeightCommits']!.entries(crNetuid);
    const [commit] = entries.flatMap(([, value]) => value.toJSON() as any[]);
    expect([commit[0], commit[3]]).toEqual([address('//Alice_hk'), found.reveal_round]);
  });

  it('reads neurons and the metagraph', () => {
    const { found } = play;
    const hotkeys = [address('//Alice_hk'), hotkey];
    expect(found.metagraph).toMatchObject({ hotkeys, coldkeys: [address('//Alice'), address('//Bob')] });
    expect(found.neurons).toEqual(hotkeys.map((one, uid) => [uid, one]));
    expect(found.neurons_lite).toEqual(found.neurons);
  });

  it('lists the subnet and its metagraph in btcli', async () => {
    const query = (...args: string[]) => btcli(NEWEST, ['--network', node().endpoint, '--json', 'query', ...args]);
    const subnets = await query('subnets');
    expect(subnets.map((row: any) => row.netuid)).toEqual([0, 1, play.netuid, play.crNetuid]);
    const graph = await query('metagraph', '--netuid', String(play.netuid));
    expect(graph).toMatchObject({ netuid: play.netuid, tempo: TEMPO, hotkeys: [address('//Alice_hk'), hotkey] });
  });
});
