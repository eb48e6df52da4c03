import type { Chain } from '@tuning/chain';
import { type Logger, OperatorError } from '@tuning/kit';
import type { PasswordSource, WalletRef } from '@tuning/wallet';

const RAO_PER_TAO = 1_000_000_000;

/** RAO as a decimal TAO text, e.g. `1.000000000`. */
export function formatTao(rao: bigint): string {
  const digits = rao.toString().padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

export interface RegistrationArgs {
  chain: Chain;
  netuid: number;
  hotkey: string;
  wallet: WalletRef;
  register: boolean;
  /** TAO. */
  maxBurn: number;
  password: PasswordSource;
  logger: Logger;
  signal: AbortSignal;
}

/** @throws OperatorError UNKNOWN_NETUID. */
export async function assertSubnet(chain: Chain, netuid: number): Promise<void> {
  if (await chain.subnetExists(netuid)) return;
  throw new OperatorError(
    'UNKNOWN_NETUID',
    `there is no subnet ${netuid} on this chain: check --netuid and the endpoint`,
  );
}

/**
 * Returns the uid of the hotkey; registers it when allowed to. The coldkey is opened for that one call and forgotten.
 * @throws OperatorError NOT_REGISTERED (says how to), BURN_ABOVE_LIMIT.
 */
export async function ensureRegistered(args: RegistrationArgs): Promise<number> {
  const { chain, netuid, hotkey, wallet, logger } = args;
  const known = await chain.uidOf(netuid, hotkey);
  if (known !== undefined) return known;

  const burn = await chain.burn(netuid);
  if (!args.register) {
    throw new OperatorError(
      'NOT_REGISTERED',
      `hotkey ${hotkey} is not registered on netuid ${netuid}: start once with --register --max-burn ${formatTao(burn)} ` +
        `(the burn is ${formatTao(burn)} TAO now), or run \`btcli subnet register --netuid ${netuid} --wallet.name ${wallet.name} --wallet.hotkey ${wallet.hotkey}\``,
    );
  }
  const maxBurn = BigInt(Math.round(args.maxBurn * RAO_PER_TAO));
  if (burn > maxBurn) {
    throw new OperatorError(
      'BURN_ABOVE_LIMIT',
      `registering on netuid ${netuid} burns ${formatTao(burn)} TAO now, --max-burn allows ${formatTao(maxBurn)}: raise it or wait`,
    );
  }
  const { openColdkey, readColdkeyAddress } = await import('@tuning/wallet');
  const payer = await readColdkeyAddress(wallet);
  logger.info(
    { netuid, hotkey, coldkey: payer, burnTao: formatTao(burn), maxBurnTao: formatTao(maxBurn) },
    'registering',
  );
  const coldkey = await openColdkey(wallet, args.password);
  try {
    const done = await chain.register({ netuid, hotkey, coldkey, maxBurn }, { signal: args.signal });
    logger.info({ netuid, uid: done.uid, burnedTao: formatTao(done.burned), block: done.block.number }, 'registered');
    return done.uid;
  } finally {
    coldkey.forget();
  }
}
