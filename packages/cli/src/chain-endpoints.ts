import { NETWORK_ENDPOINTS } from '@tuning/config';
import { OperatorError } from '@tuning/kit';

const URL_FORM = /^wss?:\/\/[^\s/]+/;
const MOST_ENDPOINTS = 8;

/** What the flags say; undefined and empty where nothing was given. */
export interface EndpointChoice {
  /** A name, or, as the Python SDK takes it too, an address. */
  network: string | undefined;
  endpoint: readonly string[];
}

/**
 * Addresses to try, in order: `--endpoint`, then `--network`, then what the SDK's environment variables
 * (`BT_SUBTENSOR_CHAIN_ENDPOINT`, `BT_SUBTENSOR_NETWORK`) say, then `otherwise`.
 * @throws OperatorError `NETWORK_UNKNOWN` | `CHAIN_BAD_ENDPOINT`.
 */
export function chooseEndpoints({ network, endpoint }: EndpointChoice, otherwise: string): string[] {
  const env = process.env['BT_SUBTENSOR_CHAIN_ENDPOINT'];
  const byNetwork = network === undefined ? undefined : [endpointOf(network)];
  const byEnvironment = env ? [env] : [endpointOf(process.env['BT_SUBTENSOR_NETWORK'] || otherwise)];
  const chosen = endpoint.length > 0 ? [...endpoint] : (byNetwork ?? byEnvironment);
  const wrong = chosen.find((one) => !URL_FORM.test(one));
  if (wrong !== undefined) {
    throw new OperatorError(
      'CHAIN_BAD_ENDPOINT',
      `"${wrong}" is not the address of a chain: give ws://host:port or wss://host:port`,
    );
  }
  if (chosen.length > MOST_ENDPOINTS) {
    throw new OperatorError(
      'CHAIN_BAD_ENDPOINT',
      `${chosen.length} endpoints are too many: give ${MOST_ENDPOINTS} at most`,
    );
  }
  return chosen;
}

function endpointOf(network: string): string {
  if (network.includes('://')) return network;
  const known = Object.hasOwn(NETWORK_ENDPOINTS, network) ? NETWORK_ENDPOINTS[network] : undefined;
  if (known !== undefined) return known;
  throw new OperatorError(
    'NETWORK_UNKNOWN',
    `"${network}" is not a network: use ${Object.keys(NETWORK_ENDPOINTS).join(', ')}, or give --endpoint ws://…`,
  );
}
