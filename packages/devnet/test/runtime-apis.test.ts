import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DevnetNode, startDevnetNode } from '../src/start-node.ts';
import { connect, type TestClient } from './client.ts';

/** Subnet 1 of the genesis has one neuron, the zero account; root has none. */
const NETUID = 1;
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const TAO = 1_000_000_000;

describe('runtime APIs that the Python SDK and btcli call', () => {
  let node: DevnetNode;
  let client: TestClient;
  // biome-ignore lint/suspicious/noExplicitAny: the calls are built from the metadata at run time
  const call = async (api: string, method: string, ...args: unknown[]): Promise<any> =>
    // biome-ignore lint/suspicious/noExplicitAny: as above
    (await (client.api.call as any)[api][method](...args)).toJSON();
  const subnets = (method: string, ...args: unknown[]) => call('subnetInfoRuntimeApi', method, ...args);

  beforeAll(async () => {
    node = await startDevnetNode({ blockMs: 'instant' });
    client = await connect(node.endpoint);
  });
  afterAll(async () => {
    await client.close();
    await node.close();
  });

  it('tell of every subnet and of none that is not', async () => {
    expect((await subnets('getSubnetsInfoV2')).map((one: { netuid: number }) => one.netuid)).toEqual([0, NETUID]);
    expect((await subnets('getAllDynamicInfo')).map((one: { tempo: number }) => one.tempo)).toEqual([100, 100]);
    expect((await subnets('getAllMetagraphs')).map((one: { numUids: number }) => one.numUids)).toEqual([0, 1]);
    for (const method of ['getSubnetInfo', 'getSubnetInfoV2', 'getDynamicInfo', 'getSubnetState', 'getMetagraph']) {
      expect(await subnets(method, 7), method).toBeNull();
      expect(await subnets(method, NETUID), method).toMatchObject({ netuid: NETUID });
    }
  });

  it('give the same hyperparameters in all three forms', async () => {
    const first = await subnets('getSubnetHyperparams', NETUID);
    const second = await subnets('getSubnetHyperparamsV2', NETUID);
    const third: { name: string; value: Record<string, unknown> }[] = await subnets('getSubnetHyperparamsV3', NETUID);
    expect(second).toMatchObject(first);
    const named = new Map(
      third.map(({ name, value }) => [Buffer.from(name.slice(2), 'hex').toString(), Object.values(value)[0]]),
    );
    expect(named.get('tempo')).toBe(first.tempo);
    expect(named.get('kappa')).toBe(first.kappa);
    expect(named.get('activity_cutoff')).toBe(first.activityCutoff);
    expect(named.get('commit_reveal_weights_enabled')).toBe(first.commitRevealWeightsEnabled);
    expect(named.size).toBe(33);
  });

  it('give only mechanism 0 of a subnet, and of a metagraph only what is asked', async () => {
    expect(await subnets('getMechagraph', NETUID, 1)).toBeNull();
    // As the real runtime of spec 293 does: what is not asked for is absent, and the netuid 0.
    expect(await subnets('getSelectiveMetagraph', NETUID, [52])).toMatchObject({ netuid: 0, coldkeys: null });
    expect(await subnets('getSelectiveMechagraph', NETUID, 0, [0, 52])).toMatchObject({
      netuid: NETUID,
      hotkeys: [expect.any(String)],
      coldkeys: null,
    });
  });

  it('tell the stake of coldkeys', async () => {
    const stakes = (method: string, ...args: unknown[]) => call('stakeInfoRuntimeApi', method, ...args);
    expect(await stakes('getStakeInfoForColdkeys', [ALICE])).toEqual([[ALICE, []]]);
    expect(await stakes('getStakeInfoForHotkeyColdkeyNetuid', ALICE, ALICE, NETUID)).toMatchObject({ stake: 0 });
    expect(await stakes('getStakeAvailabilityForColdkeys', [ALICE], null)).toEqual({ [ALICE]: {} });
    expect(await call('delegateInfoRuntimeApi', 'getDelegates')).toEqual([]);
  });

  it('price one alpha at one TAO, and tell the block time', async () => {
    expect(await call('swapRuntimeApi', 'currentAlphaPriceAll')).toEqual([
      { netuid: 0, price: TAO },
      { netuid: NETUID, price: TAO },
    ]);
    expect(await call('swapRuntimeApi', 'simSwapTaoForAlpha', NETUID, 5 * TAO)).toMatchObject({
      alphaAmount: 5 * TAO,
      taoFee: 0,
      alphaSlippage: 0,
    });
    expect(await call('auraApi', 'slotDuration')).toBe(12_000);
    const fast = await startDevnetNode({ blockMs: 250 });
    const other = await connect(fast.endpoint);
    expect(other.api.consts['aura']!['slotDuration']!.toString()).toBe('250');
    await other.close();
    await fast.close();
  });

  it('read hexadecimal without its prefix', async () => {
    const prefixed = await client.rpc('state_call', 'SubnetInfoRuntimeApi_get_metagraph', '0x0100');
    expect(await client.rpc('state_call', 'SubnetInfoRuntimeApi_get_metagraph', '0100')).toBe(prefixed);
    expect(await client.rpc('state_call', 'Core_version', '')).toMatch(/^0x/);
    await expect(client.rpc('state_call', 'Core_version', '0x0')).rejects.toThrow(/hexadecimal/);
  });
});
