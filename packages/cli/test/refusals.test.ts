import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Chain, connectChain } from '@tuning/chain';
import { type DevnetNode, setUpSubnet, startDevnetNode } from '@tuning/devnet';
import { isTuningError } from '@tuning/kit';
import { MetagraphView } from '@tuning/neuron';
import { openMinerStore, openValidatorStore } from '@tuning/store';
import { createHotkey, createWallet, type NewWallet, openHotkey } from '@tuning/wallet';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { explainRefusal } from '../../chain/src/refusals.ts';
import { connect, type TestClient } from '../../devnet/test/client.ts';
import { Submitter } from '../../miner/src/submitter.ts';
import { offer } from '../../miner/test/temp-store.ts';
import { serveAxon } from '../../neuron/src/axon.ts';
import { ensureRegistered } from '../../neuron/src/registration.ts';
import { RevealBook } from '../../validator/src/reveal-book.ts';
import { SealBoard } from '../../validator/src/seal-board.ts';
import { WeightSetter } from '../../validator/src/weight-setter.ts';
import { WeightWatch } from '../../validator/src/weight-watch.ts';
import { recordingLogger } from '../../validator/test/recording-logger.ts';
import { insertTask } from '../../validator/test/temp-store.ts';
import { addAxonCommands } from '../src/commands/axon.ts';
import { addCommitmentCommands } from '../src/commands/commitments.ts';
import { addRegisterCommand } from '../src/commands/register.ts';
import { addWeightCommands } from '../src/commands/weights.ts';

/**
 * Our clients check what they can before they send, at the finalised block. It trails the newest here, so that what has
 * just been changed is met by the chain alone: the refusals are its own.
 */
const FINALITY_LAG = 10;
const BLOCK_MS = 100;
/** A busy machine may be too slow for that second; then our own check comes first, and the case is played again. */
const IN_TIME = { retry: 2, timeout: 30_000 };
const TAO = 1_000_000_000n;

let folder: string;
let node: DevnetNode;
let admin: TestClient;
let chain: Chain;
let netuid: number;
let owner: NewWallet;
let miner: NewWallet;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-refusals-'));
  owner = await createWallet({ name: 'owner', hotkey: 'default', path: folder });
  miner = await createWallet({ name: 'miner', hotkey: 'default', path: folder });
  await createHotkey({ name: 'miner', hotkey: 'second', path: folder });
  node = await startDevnetNode({ blockMs: BLOCK_MS, finalityLag: FINALITY_LAG });
  const fund = [miner.coldkey.address];
  ({ netuid } = await setUpSubnet({
    endpoint: node.endpoint,
    tempo: 5_000,
    ownerHotkey: owner.hotkey,
    fund,
    fundAmount: 30n * TAO,
  }));
  admin = await connect(node.endpoint);
  chain = await connectChain({ endpoints: [node.endpoint] });
  expect(await tuning(`register --max-burn 5 ${wallet('miner')}`)).toBe('');
}, 60_000);
afterAll(async () => {
  await chain?.close();
  await admin?.close();
  await node?.close();
  await rm(folder, { recursive: true, force: true });
});

const wallet = (name: string, hotkey = 'default') =>
  `--wallet.name ${name} --wallet.hotkey ${hotkey} --wallet.path ${folder}`;

/** Runs a command; the one line that it leaves on stderr when it fails, as `reportAndExit` writes it. */
async function tuning(line: string): Promise<string> {
  const program = new Command().exitOverride();
  for (const add of [addRegisterCommand, addAxonCommands, addCommitmentCommands, addWeightCommands]) add(program);
  const where = ['--netuid', String(netuid), '--endpoint', node.endpoint];
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await program.parseAsync([...line.split(' '), ...where], { from: 'user' });
    return '';
  } catch (error) {
    if (!isTuningError(error)) throw error;
    return `${error.code}: ${error.message}`;
  } finally {
    stdout.mockRestore();
  }
}

/** Changes settings by sudo; in force from the next block on, long before that one is final. */
async function set(...changes: (readonly [call: string, ...args: unknown[]])[]): Promise<void> {
  for (const [call, ...args] of changes) {
    const [pallet, name] = call.split('.') as [string, string];
    const { error, refused } = await admin.sudo(admin.api.tx[pallet]![name]!(...args));
    expect([error, refused], call).toEqual([undefined, undefined]);
  }
}

/** Writes an integer of the subnet into the newest block, for what no call can bring about. */
async function write(item: 'burn' | 'maxAllowedUids', value: bigint): Promise<void> {
  const bytes = Buffer.alloc(item === 'burn' ? 8 : 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number((value >> BigInt(8 * at)) & 0xffn);
  const key = admin.api.query['subtensorModule']![item]!.key(netuid);
  await admin.rpc('dev_setStorage', [[key, `0x${bytes.toString('hex')}`]]);
}

/** Until all that was done is final too. */
const settle = () => chain.waitForBlock(node.blockNumber(), { ms: 20_000 });

/** One line with the chain's name for it, what it means and what to do. */
function tells(line: string | undefined, name: string): void {
  expect(line).toContain(explainRefusal(name));
  expect(line).not.toContain('the runtime gives no reason');
  expect(line).not.toContain('\n');
}

describe('commands', () => {
  const second = () => `register --max-burn 80 ${wallet('miner', 'second')}`;
  const cases: [name: string, line: () => string, change: () => Promise<void>, back: () => Promise<void>][] = [
    [
      'SubNetRegistrationDisabled',
      second,
      () => set(['adminUtils.sudoSetNetworkRegistrationAllowed', netuid, false]),
      () => set(['adminUtils.sudoSetNetworkRegistrationAllowed', netuid, true]),
    ],
    [
      'RegistrationPriceLimitExceeded',
      () => `register --max-burn 5 ${wallet('miner', 'second')}`,
      () => write('burn', 9n * TAO),
      () => write('burn', TAO),
    ],
    ['NotEnoughBalanceToStake', second, () => write('burn', 60n * TAO), () => write('burn', TAO)],
    ['NoNeuronIdAvailable', second, () => write('maxAllowedUids', 0n), () => write('maxAllowedUids', 256n)],
    [
      'ServingRateLimitExceeded',
      () => `axon set --role miner --ip 10.0.0.2 --port 4002 --identity ${join(folder, 'id')} ${wallet('miner')}`,
      async () => {
        await tuning(
          `axon set --role miner --ip 10.0.0.1 --port 4001 --identity ${join(folder, 'id')} ${wallet('miner')}`,
        );
        await set(['adminUtils.sudoSetServingRateLimit', netuid, 1_000]);
      },
      () => set(['adminUtils.sudoSetServingRateLimit', netuid, 0]),
    ],
    [
      'SpaceLimitExceeded',
      () => `commitments set two ${wallet('miner')}`,
      async () => {
        await tuning(`commitments set one ${wallet('miner')}`);
        await set(['commitments.setMaxSpace', 150]);
      },
      () => set(['commitments.setMaxSpace', 3_100]),
    ],
    [
      'SettingWeightsTooFast',
      () => `weights set 1=1 ${wallet('owner')}`,
      () => set(['adminUtils.sudoSetWeightsSetRateLimit', netuid, 1_000]),
      () => set(['adminUtils.sudoSetWeightsSetRateLimit', netuid, 0]),
    ],
    [
      'IncorrectWeightVersionKey',
      () => `weights set 1=1 ${wallet('owner')}`,
      () => set(['adminUtils.sudoSetWeightsVersionKey', netuid, 9]),
      () => set(['adminUtils.sudoSetWeightsVersionKey', netuid, 0]),
    ],
    [
      'NotEnoughStakeToSetWeights',
      // Weight for oneself needs no permit.
      () => `weights set 1=1 ${wallet('miner')}`,
      () => set(['adminUtils.sudoSetStakeThreshold', 1_000n * TAO]),
      () => set(['adminUtils.sudoSetStakeThreshold', 0]),
    ],
  ];
  it.each(cases)(
    'tell %s',
    async (name, line, change, back) => {
      await settle();
      await change();
      tells(await tuning(line()), name);
      await back?.();
    },
    30_000,
  );

  it('tell what is known before anything is sent', async () => {
    await settle();
    tells(await tuning(`weights set 0=1 ${wallet('miner')}`), 'NeuronNoValidatorPermit');
    expect(await tuning(`weights set 1=1 ${wallet('miner', 'second')}`)).toMatch(
      /^HOTKEY_NOT_REGISTERED: the hotkey 5\w+ is not registered on subnet \d+: register it first/,
    );
    expect(await tuning(`register --max-burn 5 ${wallet('owner')}`)).toBe('');
    const ip = `axon set --role miner --port 1 --identity ${join(folder, 'id')} ${wallet('miner')} --ip`;
    expect(await tuning(`${ip} 127.0.0.1`)).toMatch(
      /^AXON_ADDRESS_REFUSED: .*announce the address others reach you at/,
    );
    tells(await tuning(`commitments set one ${wallet('miner', 'second')}`), 'AccountNotAllowedCommit');
  }, 30_000);
});

describe('daemons', () => {
  const end = new AbortController();
  afterAll(() => end.abort(new Error('stopped')));
  const hotkeyOf = (name: string) => openHotkey({ name, hotkey: 'default', path: folder });

  it('tell at their start why they cannot be registered', async () => {
    await settle();
    await set(['adminUtils.sudoSetNetworkRegistrationAllowed', netuid, false]);
    const second = await openHotkey({ name: 'miner', hotkey: 'second', path: folder });
    const { logger } = recordingLogger();
    const error = await ensureRegistered({
      chain,
      netuid,
      hotkey: second.address,
      wallet: { name: 'miner', hotkey: 'second', path: folder },
      register: true,
      maxBurn: 80,
      password: async () => {
        throw new Error('the coldkey is not encrypted');
      },
      logger,
      signal: end.signal,
    }).catch((refusal) => refusal);
    await set(['adminUtils.sudoSetNetworkRegistrationAllowed', netuid, true]);
    expect(error).toMatchObject({ name: 'OperatorError', code: 'REGISTRATION_DISABLED' });
    tells(error.message, 'SubNetRegistrationDisabled');
  }, 30_000);

  it('tell why their axon is not served, at once', IN_TIME, async () => {
    const hotkey = await hotkeyOf('miner');
    const certificate = Uint8Array.from([0xed, ...new Uint8Array(32).fill(7)]);
    const where = { chain, netuid, hotkey, certificate, role: 'miner' as const };
    const { logger, lines } = recordingLogger();
    const stop = new AbortController();
    await serveAxon({ ...where, address: '10.0.0.7', port: 4_007, logger, signal: stop.signal });
    await settle();
    await set(['adminUtils.sudoSetServingRateLimit', netuid, 1_000]);
    const serving = serveAxon({ ...where, address: '10.0.0.8', port: 4_008, logger, signal: stop.signal });
    serving.catch(() => {});
    await expect.poll(() => lines.filter(({ level }) => level === 'warn'), { timeout: 20_000 }).not.toEqual([]);
    stop.abort(new Error('seen'));
    await expect(serving).rejects.toThrow();
    const warned = lines.find(({ level }) => level === 'warn')!;
    await set(['adminUtils.sudoSetServingRateLimit', netuid, 0]);
    expect(warned['code']).toBe('SERVING_RATE_LIMIT_EXCEEDED');
    tells(String(warned['error']), 'ServingRateLimitExceeded');
  });

  it('tell why a miner’s commitment is refused, once, and a validator’s seal', async () => {
    await settle();
    await set(['commitments.setMaxSpace', 10]);
    const { logger, lines } = recordingLogger();
    const store = await openMinerStore(join(folder, 'miner.sqlite'));
    const stop = new AbortController();
    const taskId = 'b'.repeat(16);
    const own = { ...offer, taskId, deadlineBlock: 1_000_000 };
    store.jobs.insert({ id: 'job', kind: 'task', payload: { kind: 'task', taskId }, state: 'Completed' });
    store.assignments.insert({
      taskId,
      validator: 'V',
      offer: own,
      jobId: 'job',
      state: 'committing',
      repo: 'm/t',
      revision: 'c'.repeat(40),
      digest: 'd'.repeat(32),
    });
    const submitter = new Submitter({
      chain,
      hub: {} as never,
      hotkey: await hotkeyOf('miner'),
      netuid,
      namespace: 'm',
      jobs: store.jobs,
      assignments: store.assignments,
      logger,
      jobFolder: (id) => join(folder, id),
      signal: stop.signal,
    });
    submitter.start(taskId);
    const seals = new SealBoard(chain, netuid, await hotkeyOf('owner'));
    const refused = await seals.commit(taskId, 'e'.repeat(64), stop.signal).catch((error) => error);
    tells(refused.message, 'SpaceLimitExceeded');
    await expect.poll(() => lines.some(({ level }) => level === 'error'), { timeout: 20_000 }).toBe(true);
    stop.abort(new Error('seen'));
    await submitter.settle();
    store.close();
    await set(['commitments.setMaxSpace', 3_100]);
    const seen = lines.filter(({ level }) => level === 'error');
    expect(seen).toMatchObject([{ taskId, state: 'committing', code: 'SPACE_LIMIT_EXCEEDED' }]);
    tells(String(seen[0]!['error']), 'SpaceLimitExceeded');
  }, 40_000);

  it.each([
    ['SettingWeightsTooFast', ['adminUtils.sudoSetWeightsSetRateLimit', 1_000, 0]],
    ['IncorrectWeightVersionKey', ['adminUtils.sudoSetWeightsVersionKey', 9, 0]],
  ] as const)(
    'tell why a validator’s weights are refused: %s',
    async (name, [call, value, before]) => {
      const data = await mkdtemp(join(folder, 'validator-'));
      const store = await openValidatorStore(join(data, 'validator.sqlite'));
      const { logger, lines } = recordingLogger();
      const stop = new AbortController();
      insertTask(store, 'a'.repeat(16), 'weighing');
      store.scores.put('a'.repeat(16), chain.head.number, [{ hotkey: miner.hotkey.address, score: 1, work: 1 }]);
      await settle();
      await set([call, netuid, value]);
      const setter = new WeightSetter({
        chain,
        netuid,
        hotkey: await hotkeyOf('owner'),
        metagraph: new MetagraphView(chain, netuid, logger),
        store,
        reveals: new RevealBook(join(data, 'reveals.json'), logger),
        watch: new WeightWatch(join(data, 'watch.json'), logger),
        logger,
        signal: stop.signal,
      });
      const ended = setter.run();
      await expect.poll(() => lines.some(({ level }) => level === 'warn'), { timeout: 20_000 }).toBe(true);
      stop.abort(new Error('seen'));
      await ended;
      store.close();
      await set([call, netuid, before]);
      tells(String(lines.find(({ level }) => level === 'warn')!['error']), name);
    },
    30_000,
  );
});
