import type { Chain } from '@tuning/chain';
import { chainEndpoints, dataDirOf, expandPath, type NeuronConfig } from '@tuning/config';
import { createHub, type Hub } from '@tuning/hub';
import { type Logger, OperatorError, type Secret, ShutdownStack, type Signer } from '@tuning/kit';
import type { Peer, PeerHandlers } from '@tuning/p2p';
import type { PasswordSource, WalletRef } from '@tuning/wallet';
import { announcedAddress, listenAddress, type Role, serveAxon } from './axon.ts';
import { bindDataFolder, type DataFolder, openDataFolder } from './data-folder.ts';
import { assertPortFree, checkBinding } from './http-server.ts';
import { MetagraphView } from './metagraph-view.ts';
import { assertSubnet, ensureRegistered } from './registration.ts';

/** What the environment gives a daemon beside its configuration. */
export interface NeuronSecrets {
  hubToken: Secret | undefined;
  apiKey: Secret | undefined;
  password: PasswordSource;
}

/** Everything that a miner and a validator both stand on, opened in order and closed by `shutdown`. */
export interface Neuron {
  readonly uid: number;
  readonly hotkey: Signer;
  readonly chain: Chain;
  readonly hub: Hub;
  /** User or organisation to publish under. */
  readonly namespace: string;
  readonly folder: DataFolder;
  readonly metagraph: MetagraphView;
  readonly shutdown: ShutdownStack;
  /** Opens the libp2p listener and publishes it on-chain. Call it when the handlers are ready to answer. */
  openPeer(handlers: PeerHandlers): Promise<Peer>;
}

/** Blocks between metagraph refreshes; an address change is seen within about five minutes on finney. */
const METAGRAPH_REFRESH_BLOCKS = 25;

export interface OpenNeuronArgs {
  role: Role;
  config: NeuronConfig;
  secrets: NeuronSecrets;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Opens wallet, data folder, hub and chain, and makes sure that the hotkey is registered. What only the operator can put
 * right is checked first and cheapest first, and keys, chain and libp2p are loaded (a second each) when their turn comes, so that a
 * wrong flag is reported at once.
 * @throws OperatorError with one clear line.
 */
export async function openNeuron(args: OpenNeuronArgs): Promise<Neuron> {
  const shutdown = new ShutdownStack({ logger: args.logger, itemMs: 20_000 });
  try {
    return await open(args, shutdown);
  } catch (error) {
    await shutdown.close();
    throw error;
  }
}

async function open(
  { role, config, secrets, logger, signal }: OpenNeuronArgs,
  shutdown: ShutdownStack,
): Promise<Neuron> {
  checkBinding(config.http.host, secrets.apiKey);
  await assertPortFree(config.http.host, config.http.port, '--http.port');
  await assertPortFree(listenAddress(config), config.axon.port, '--axon.port');
  if (!secrets.hubToken) {
    throw new OperatorError(
      'HUB_TOKEN_MISSING',
      'no Hugging Face token: set HF_TOKEN or HF_TOKEN_FILE to a token with write access',
    );
  }
  const wallet: WalletRef = { ...config.wallet, path: expandPath(config.wallet.path) };
  const { openHotkey } = await import('@tuning/wallet');
  const hotkey = await openHotkey(wallet, secrets.password);
  const address = announcedAddress(config);

  const folder = await openDataFolder(dataDirOf(role, config), () => {
    logger.error('another process took the lock of the data folder; stopping');
    process.kill(process.pid, 'SIGTERM');
  });
  shutdown.push('data folder', () => folder.release());

  const hub = createHub({
    endpoint: config.hub.endpoint,
    token: secrets.hubToken,
    logger: logger.child({ module: 'hub' }),
  });
  const account = await hub.whoAmI({ signal });
  const namespace = config.hub.namespace ?? account.name;
  await hub.requireWrite(namespace, { signal });

  const { connectChain } = await import('@tuning/chain');
  const chain = await connectChain({
    endpoints: chainEndpoints(config),
    logger: logger.child({ module: 'chain' }),
    signal,
  });
  shutdown.push('chain', () => chain.close());

  const { netuid } = config;
  await assertSubnet(chain, netuid);
  await bindDataFolder(folder, { genesisHash: chain.genesisHash, netuid, hotkey: hotkey.address });
  const uid = await ensureRegistered({
    chain,
    netuid,
    hotkey: hotkey.address,
    wallet,
    register: config.register,
    maxBurn: config.max_burn,
    password: secrets.password,
    logger,
    signal,
  });

  const metagraph = new MetagraphView(chain, netuid, logger.child({ module: 'metagraph' }));
  await metagraph.refresh();
  logger.info({ uid, hotkey: hotkey.address, netuid, block: chain.head.number, namespace }, 'neuron opened');

  return {
    uid,
    hotkey,
    chain,
    hub,
    namespace,
    folder,
    metagraph,
    shutdown,
    openPeer: async (handlers) => {
      const { createPeer, loadPeerIdentity } = await import('@tuning/p2p');
      const identity = await loadPeerIdentity(folder.file('p2p', 'identity.key'));
      const peer = await createPeer({
        identity,
        hotkey,
        genesisHash: chain.genesisHash,
        netuid,
        listen: { host: listenAddress(config), port: config.axon.port },
        directory: metagraph,
        handlers,
        logger: logger.child({ module: 'p2p' }),
      });
      shutdown.push('p2p', () => peer.stop());
      const port = config.axon.external_port ?? peer.port;
      await serveAxon({
        chain,
        netuid,
        hotkey,
        address,
        port,
        certificate: identity.certificate,
        role,
        logger,
        signal,
      });
      await metagraph.refresh();
      shutdown.push(
        'metagraph',
        metagraph.follow(METAGRAPH_REFRESH_BLOCKS, () => {}),
      );
      return peer;
    },
  };
}
