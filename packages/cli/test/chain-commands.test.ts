import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevnetNode, setUpSubnet, startDevnetNode } from '@tuning/devnet';
import { createWallet, type NewWallet } from '@tuning/wallet';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { addAxonCommands } from '../src/commands/axon.ts';
import { addCommitmentCommands } from '../src/commands/commitments.ts';
import { addMetagraphCommand } from '../src/commands/metagraph.ts';
import { addRegisterCommand } from '../src/commands/register.ts';
import { addSubnetCommands } from '../src/commands/subnet.ts';
import { addWeightCommands } from '../src/commands/weights.ts';

const TEMPO = 400;

let folder: string;
let node: DevnetNode;
let netuid: number;
let owner: NewWallet;
let miner: NewWallet;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-cli-'));
  owner = await createWallet({ name: 'owner', hotkey: 'default', path: folder });
  miner = await createWallet({ name: 'miner', hotkey: 'default', path: folder });
  node = await startDevnetNode({ blockMs: 100 });
  const made = await setUpSubnet({
    endpoint: node.endpoint,
    // So long that no epoch starts by itself: blocks are made when one shall.
    tempo: TEMPO,
    ownerHotkey: owner.hotkey,
    fund: [miner.coldkey.address],
    commitReveal: true,
  });
  netuid = made.netuid;
}, 60_000);
afterAll(async () => {
  await node?.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => vi.restoreAllMocks());

/** Runs one command line and gives what it printed. */
async function tuning(line: string, more: string[] = []): Promise<string> {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
  const program = new Command().exitOverride();
  addMetagraphCommand(program);
  addRegisterCommand(program);
  addAxonCommands(program);
  addCommitmentCommands(program);
  addSubnetCommands(program);
  addWeightCommands(program);
  try {
    const chain = ['--netuid', String(netuid), '--endpoint', node.endpoint];
    await program.parseAsync([...line.split(' '), ...more, ...chain], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed.join('');
}

const wallet = (name: string) => `--wallet.name ${name} --wallet.path ${folder}`;
const refused = (code: string) => expect.objectContaining({ code });

it('registers within the limit only, and says what it costs', async () => {
  const line = `register ${wallet('miner')}`;
  await expect(tuning(line)).rejects.toThrow(/costs [\d.]+ TAO now, above your limit of 0 TAO/);
  await expect(tuning(`${line} --max-burn 0.0001`)).rejects.toEqual(refused('BURN_ABOVE_LIMIT'));
  await expect(tuning(`${line} --max-burn lots`)).rejects.toEqual(refused('AMOUNT_INVALID'));
  expect(await tuning(`${line} --max-burn 5`)).toMatch(
    `${miner.hotkey.address} is uid 1 of subnet ${netuid} since block`,
  );
  expect(JSON.parse(await tuning(`${line} --max-burn 5 --json`))).toEqual({
    netuid,
    hotkey: miner.hotkey.address,
    uid: 1,
    registered: false,
  });
}, 30_000);

it('shows a subnet’s rules, and goes on to the next endpoint where one is down', async () => {
  const text = await tuning('subnet', ['--endpoint', 'ws://127.0.0.1:9']);
  expect(text).toMatch(/^subnet \d+\n {2}chain +node-subtensor \d+, block \d+/);
  expect(text).toContain(`of ${TEMPO} blocks`);
  expect(text).toContain('by commit-reveal, revealed after 1 epoch;');
  expect(JSON.parse(await tuning('subnet --json'))).toMatchObject({
    netuid,
    neurons: 2,
    validators: 1,
    price: expect.stringMatching(/^\d+$/),
    commitRevealEnabled: true,
    epochs: { length: TEMPO },
  });
}, 30_000);

it('lists neurons and axons, and publishes one', async () => {
  expect(await tuning('axon')).toBe(`nobody serves on subnet ${netuid}\n`);
  const set = `axon set --role miner --ip 127.0.0.2 --port 4001 --identity ${join(folder, 'peer.key')} ${wallet('miner')}`;
  expect(await tuning(set)).toMatch(/^block \d+: 5\w+ serves at 127.0.0.2:4001 as 12D3/);
  expect(await tuning(set)).toMatch(/already\n$/);
  expect(await tuning('axon')).toMatch(/UID +HOTKEY +ADDRESS.*\n +1 +5\w+ +127.0.0.2:4001 +1 +miner +[0-9a-f]{64}\n$/);
  await expect(tuning(set.replace('miner', 'judge'))).rejects.toEqual(refused('ROLE_INVALID'));
  await expect(tuning(set.replace('4001', '70000'))).rejects.toEqual(refused('PORT_INVALID'));
  const table = await tuning('metagraph');
  expect(table.split('\n')).toHaveLength(5);
  expect(table).toMatch(new RegExp(`0  ${owner.hotkey.address} .* yes `));
  const json = JSON.parse(await tuning('metagraph --json'));
  expect(json).toMatchObject({ netuid, neurons: [{ uid: 0 }, { uid: 1, axon: { ip: '127.0.0.2', port: 4001 } }] });
  expect(json.neurons[1].peerKey).toMatch(/^[0-9a-f]{64}$/);
}, 30_000);

it('commits and lists commitments', async () => {
  expect(await tuning('commitments')).toContain('nothing is committed');
  expect(await tuning(`commitments set ${wallet('miner')}`, ['one', 'two words'])).toContain(
    'committed one | two words',
  );
  expect(await tuning('commitments')).toMatch(/one \| two words\n$/);
  expect(JSON.parse(await tuning(`commitments --json --hotkey ${miner.hotkey.address}`))).toEqual([
    { hotkey: miner.hotkey.address, block: expect.any(Number), fields: ['one', 'two words'] },
  ]);
  expect(JSON.parse(await tuning(`commitments --json --hotkey ${owner.hotkey.address}`))).toEqual([]);
}, 30_000);

it('commits weights and reveals them from the file it kept', async () => {
  const keep = join(folder, 'commit.json');
  const set = await tuning(`weights set 1=2 --form commit-reveal --keep ${keep} ${wallet('owner')}`);
  expect(set).toContain('1=100.0%');
  const [from, until] = /from block (\d+) to (\d+)/.exec(set)!.slice(1).map(Number) as [number, number];
  expect(until - from).toBe(TEMPO - 1);
  expect(JSON.parse(await readFile(keep, 'utf8'))).toMatchObject({ netuid, hotkey: owner.hotkey.address, uids: [1] });
  expect(await tuning('weights')).toMatch(new RegExp(`commit-reveal@\\d+->${from} +-\n$`));
  const reveal = `weights reveal ${keep} ${wallet('owner')}`;
  await expect(tuning(reveal)).rejects.toEqual(refused('REVEAL_TOO_EARLY'));
  await expect(tuning(reveal.replace('.name owner', '.name miner'))).rejects.toEqual(refused('COMMIT_OF_ANOTHER'));
  await expect(tuning(`weights reveal ${join(folder, 'peer.key')} ${wallet('owner')}`)).rejects.toEqual(
    refused('COMMIT_UNREADABLE'),
  );
  node.newBlocks(from + 1 - node.blockNumber());
  expect(await tuning(reveal)).toMatch(/^block \d+: 1=100.0%\n$/);
  expect(JSON.parse(await tuning('weights --uid 0 --json'))).toEqual([
    expect.objectContaining({ uid: 0, weights: [{ uid: 1, value: 65535 }], commits: [] }),
  ]);
  const sealed = JSON.parse(await tuning(`weights set 1=2 --json ${wallet('owner')}`));
  expect(sealed).toMatchObject({ form: 'timelocked', reveal: { round: expect.any(Number) } });
  expect(await tuning('weights')).toContain('timelocked@');
  await expect(tuning(`weights set 9=1 ${wallet('owner')}`)).rejects.toEqual(refused('WEIGHTS_INVALID'));
}, 60_000);

it('names what is wrong with the options', async () => {
  const program = (...argv: string[]) => {
    const command = new Command();
    addMetagraphCommand(command);
    return command.parseAsync(['metagraph', ...argv], { from: 'user' });
  };
  await expect(program('--netuid', 'x', '--endpoint', node.endpoint)).rejects.toEqual(refused('NETUID_INVALID'));
  await expect(program('--netuid', '999', '--endpoint', node.endpoint)).rejects.toEqual(refused('SUBNET_NOT_FOUND'));
  await expect(program('--netuid', '1', '--network', 'moon')).rejects.toEqual(refused('NETWORK_UNKNOWN'));
});
