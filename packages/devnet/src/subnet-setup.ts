import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions, SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { ISubmittableResult } from '@polkadot/types/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { type Logger, OperatorError, silentLogger, withDeadline } from '@tuning/kit';

export interface SubnetSetupOptions {
  /** ws:// address of the devnet (or of any localnet whose sudo key is //Alice). */
  endpoint: string;
  /** Blocks per epoch. Default 20. */
  tempo?: number;
  /** A suri such as '//Alice' (the default) or a key pair: pays for the subnet and owns it. */
  ownerColdkey?: string | KeyringPair;
  /** A suri (default '//Alice_hk') or whatever has an address. Becomes uid 0, always with a validator permit. */
  ownerHotkey?: string | { readonly address: string };
  /** Blocks; default 0. */
  weightsRateLimit?: number;
  /** Blocks; default 0. */
  servingRateLimit?: number;
  /** Default false. */
  commitReveal?: boolean;
  /** RAO; what a registration costs at least and at first. Default: the chain's. */
  minBurn?: bigint;
  /** Addresses that each get `fundAmount` from //Alice. */
  fund?: readonly string[];
  /** RAO each; default 100 TAO. */
  fundAmount?: bigint;
  logger?: Logger;
  signal?: AbortSignal;
  /** For the whole set-up; default 120 s, enough for 12 s blocks. */
  timeoutMs?: number;
}

export interface SubnetSetup {
  netuid: number;
  /** Addresses. */
  ownerColdkey: string;
  ownerHotkey: string;
}

type Extrinsic = SubmittableExtrinsic<'promise', ISubmittableResult>;
/** The last step waits for finality, because daemons read finalised state only. */
type Until = 'in block' | 'finalised';

const SUDO = '//Alice';
const DEFAULT_FUND = 100_000_000_000n;

/**
 * Prepares a localnet for play, in the one order that works: the admin freeze window must go first, because within it
 * even sudo may not change most hyperparameters. OperatorError SUBNET_SETUP_FAILED names the step and the chain's error.
 */
export async function setUpSubnet(options: SubnetSetupOptions): Promise<SubnetSetup> {
  await cryptoWaitReady();
  // WsProvider's optional members do not fit its own interface under exactOptionalPropertyTypes.
  const provider = new WsProvider(options.endpoint) as unknown as NonNullable<ApiOptions['provider']>;
  const api = new ApiPromise({ provider, noInitWarn: true });
  try {
    return await withDeadline(
      'subnet set-up',
      options.timeoutMs ?? 120_000,
      async () => {
        await api.isReadyOrError;
        return run(api, options);
      },
      options.signal,
    );
  } finally {
    await api.disconnect();
  }
}

async function run(api: ApiPromise, options: SubnetSetupOptions): Promise<SubnetSetup> {
  const logger = options.logger ?? silentLogger;
  const keyring = new Keyring({ type: 'sr25519' });
  const pair = (given: string | KeyringPair): KeyringPair =>
    typeof given === 'string' ? keyring.addFromUri(given) : given;
  const alice = pair(SUDO);
  const coldkey = pair(options.ownerColdkey ?? SUDO);
  const owner = options.ownerHotkey ?? '//Alice_hk';
  const hotkey = typeof owner === 'string' ? pair(owner) : owner;
  // Counted here: transactions of one phase are sent together and share a block, and polkadot.js would hand out the
  // same nonce twice (it remembers it for 1.75 s).
  const nonces = new Map<string, number>();
  const submit = async (
    step: string,
    extrinsic: Extrinsic,
    signer: KeyringPair,
    until: Until = 'in block',
  ): Promise<ISubmittableResult> => {
    const nonce = nonces.get(signer.address)!;
    nonces.set(signer.address, nonce + 1);
    logger.debug({ step }, 'subnet set-up');
    return submitAndCheck(api, step, extrinsic, { signer, nonce, until });
  };
  const admin = (name: string, ...args: unknown[]): Promise<ISubmittableResult> =>
    submit(name, callOf(api, 'sudo', 'sudo', callOf(api, 'adminUtils', name, ...args)), alice);
  for (const { address } of [alice, coldkey]) nonces.set(address, await nonceOf(api, address));

  const amount = options.fundAmount ?? DEFAULT_FUND;
  await Promise.all([
    admin('sudoSetAdminFreezeWindow', 0),
    admin('sudoSetNetworkRateLimit', 0),
    ...(options.fund ?? []).map((address) =>
      submit('fund', callOf(api, 'balances', 'transferKeepAlive', address, amount), alice),
    ),
  ]);
  const registerNetwork = callOf(api, 'subtensorModule', 'registerNetwork', hotkey.address);
  const registered = await submit('registerNetwork', registerNetwork, coldkey);
  const added = registered.events.find(({ event }) => event.method === 'NetworkAdded');
  if (!added) throw failed('registerNetwork', 'the block holds no NetworkAdded event');
  const netuid = Number(added.event.data[0]?.toString());

  await Promise.all([
    admin('sudoSetCommitRevealWeightsEnabled', netuid, options.commitReveal ?? false),
    admin('sudoSetTempo', netuid, options.tempo ?? 20),
    admin('sudoSetWeightsSetRateLimit', netuid, options.weightsRateLimit ?? 0),
    admin('sudoSetServingRateLimit', netuid, options.servingRateLimit ?? 0),
    ...(options.minBurn === undefined ? [] : [admin('sudoSetMinBurn', netuid, options.minBurn)]),
    submit('startCall', callOf(api, 'subtensorModule', 'startCall', netuid), coldkey, 'finalised'),
  ]);
  return { netuid, ownerColdkey: coldkey.address, ownerHotkey: hotkey.address };
}

async function nonceOf(api: ApiPromise, address: string): Promise<number> {
  const account = (await api.query['system']!['account']!(address)) as unknown as { nonce: { toNumber(): number } };
  return account.nonce.toNumber();
}

/** Calls are looked up by name at run time: the chain, not our build, decides which there are. */
function callOf(api: ApiPromise, section: string, method: string, ...args: unknown[]): Extrinsic {
  const call = api.tx[section]?.[method];
  if (!call)
    throw failed(method, `the chain (spec ${api.runtimeVersion.specVersion}) has no call ${section}.${method}`);
  return call(...args);
}

function failed(step: string, reason: string): OperatorError {
  return new OperatorError('SUBNET_SETUP_FAILED', `subnet set-up stopped at ${step}: ${reason}`, { details: { step } });
}

/** Resolves when the extrinsic is in a block and neither it nor a call inside `sudo` failed. */
function submitAndCheck(
  api: ApiPromise,
  step: string,
  extrinsic: Extrinsic,
  { signer, nonce, until }: { signer: KeyringPair; nonce: number; until: Until },
): Promise<ISubmittableResult> {
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined;
    let settled = false;
    const finish = (action: () => void): void => {
      settled = true;
      stop?.();
      action();
    };
    const sent = extrinsic.signAndSend(signer, { nonce }, (result) => {
      if (settled) return;
      if (result.isError) return finish(() => reject(failed(step, `the transaction was ${result.status.type}`)));
      // Where blocks are final at once, polkadot.js may report only the second of the two.
      if (!result.isFinalized && (until === 'finalised' || !result.isInBlock)) return;
      const error = errorOf(api, result);
      finish(() => (error === undefined ? resolve(result) : reject(failed(step, error))));
    });
    sent.then(
      (unsubscribe) => {
        stop = unsubscribe;
        if (settled) unsubscribe();
      },
      (error: unknown) => finish(() => reject(failed(step, error instanceof Error ? error.message : String(error)))),
    );
  });
}

function errorOf(api: ApiPromise, result: ISubmittableResult): string | undefined {
  if (result.dispatchError) return describe(api, result.dispatchError);
  const sudid = result.events.find(({ event }) => event.section === 'sudo' && event.method === 'Sudid');
  const inner = sudid?.event.data[0] as unknown as { isErr: boolean; asErr: DispatchErrorLike } | undefined;
  return inner?.isErr ? describe(api, inner.asErr) : undefined;
}

type DispatchErrorLike = NonNullable<ISubmittableResult['dispatchError']>;

function describe(api: ApiPromise, error: DispatchErrorLike): string {
  if (!error.isModule) return error.toString();
  const { section, name } = api.registry.findMetaError(error.asModule);
  return `${section}.${name}`;
}
