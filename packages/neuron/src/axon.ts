import type { Chain } from '@tuning/chain';
import type { NeuronConfig } from '@tuning/config';
import { chainEndpoints } from '@tuning/config';
import { errorCode, type Logger, OperatorError, retry, type Signer } from '@tuning/kit';

/** Version of the wire protocol, in the axon's `placeholder1`. */
export const WIRE_VERSION = 1;
/** Role of a neuron, in the axon's `placeholder2`. */
export const ROLE = { miner: 1, validator: 2 } as const;
export type Role = keyof typeof ROLE;

/** The chain refuses exactly 127.0.0.1; the next loopback address means the same on a devnet. */
const DEVNET_ADDRESS = '127.0.0.2';

/**
 * The address to publish: `axon.external_ip`, else the listening address, else (a local chain only) a loopback address.
 * @throws OperatorError AXON_ADDRESS_UNKNOWN.
 */
export function announcedAddress(config: Pick<NeuronConfig, 'axon' | 'subtensor'>): string {
  const wanted = config.axon.external_ip ?? config.axon.ip;
  if (wanted === '127.0.0.1') return DEVNET_ADDRESS;
  if (wanted !== '0.0.0.0' && wanted !== '::') return wanted;
  const local = chainEndpoints(config).every((url) =>
    ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname),
  );
  if (local) return DEVNET_ADDRESS;
  throw new OperatorError(
    'AXON_ADDRESS_UNKNOWN',
    'which address do others reach this machine at? give --axon.external_ip',
  );
}

/** The address to listen on: what is announced for 127.0.0.1 must also be listened on. */
export function listenAddress(config: Pick<NeuronConfig, 'axon'>): string {
  return config.axon.ip === '127.0.0.1' ? DEVNET_ADDRESS : config.axon.ip;
}

/** Publishes address, port and transport key on-chain; does nothing when the chain already holds them. */
export async function serveAxon(args: {
  chain: Chain;
  netuid: number;
  hotkey: Signer;
  address: string;
  port: number;
  certificate: Uint8Array;
  role: Role;
  logger: Logger;
  signal: AbortSignal;
}): Promise<void> {
  const { chain, netuid, hotkey, address, port, certificate, role, logger, signal } = args;
  const served = await retry(
    () =>
      chain.serve(
        {
          netuid,
          hotkey,
          ip: address,
          port,
          certificate,
          version: WIRE_VERSION,
          protocol: 0,
          placeholder1: WIRE_VERSION,
          placeholder2: ROLE[role],
        },
        { signal },
      ),
    {
      attempts: 8,
      baseMs: 1_000,
      maxMs: 12_000,
      signal,
      shouldRetry: (error) => {
        if (error.name === 'OperatorError' || error.name === 'BadInputError') return false;
        logger.warn({ code: errorCode(error), error: error.message }, 'the axon is not served yet; trying again');
        return true;
      },
    },
  );
  logger.info({ address, port, block: served.block.number, changed: served.changed }, 'axon served');
}
