import { OperatorError } from '@tuning/kit';
import { z } from 'zod';
import { readBurn, readFreeBalance } from './balance.ts';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, RegisterArgs } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError } from './chain-error.ts';
import { uint } from './chain-values.ts';
import { readSubnetExists, readUid } from './subnet.ts';
import { taoText } from './tao.ts';

/** The runtime's names for what the operator can put right, under one code each. */
const CODES: Readonly<Record<string, string>> = {
  REGISTRATION_PRICE_LIMIT_EXCEEDED: 'BURN_ABOVE_LIMIT',
  NOT_ENOUGH_BALANCE_TO_STAKE: 'NOT_ENOUGH_BALANCE',
  PAYMENT: 'NOT_ENOUGH_BALANCE',
  HOT_KEY_ALREADY_REGISTERED_IN_SUB_NET: 'ALREADY_REGISTERED',
  SUBNET_NOT_EXISTS: 'SUBNET_NOT_FOUND',
  SUB_NETWORK_DOES_NOT_EXIST: 'SUBNET_NOT_FOUND',
  SUB_NET_REGISTRATION_DISABLED: 'REGISTRATION_DISABLED',
};

/**
 * Registers a hotkey by burning TAO of the coldkey.
 * @returns `burned`: the price read at the block before, RAO.
 * @throws OperatorError `SUBNET_NOT_FOUND` | `ALREADY_REGISTERED` | `BURN_ABOVE_LIMIT` | `NOT_ENOUGH_BALANCE` |
 * `REGISTRATION_DISABLED`; else as `submit`.
 */
export async function register(
  context: ChainContext,
  { netuid, hotkey, coldkey, maxBurn }: RegisterArgs,
  options: CallOptions = {},
): Promise<{ uid: number; burned: bigint; block: BlockRef }> {
  const { exists, uid, price, free } = await context.read(
    `the registration price of subnet ${netuid}`,
    async (state) => ({
      exists: await readSubnetExists(state, netuid),
      uid: await readUid(state, netuid, hotkey),
      price: await readBurn(state, netuid),
      free: await readFreeBalance(state, coldkey.address),
    }),
    { signal: options.signal },
  );
  if (!exists) throw new OperatorError('SUBNET_NOT_FOUND', `the chain has no subnet ${netuid}: correct the netuid`);
  if (uid !== undefined) {
    throw new OperatorError('ALREADY_REGISTERED', `${hotkey} is registered on subnet ${netuid} already, as uid ${uid}`);
  }
  if (price > maxBurn) {
    throw new OperatorError(
      'BURN_ABOVE_LIMIT',
      `registering on subnet ${netuid} costs ${taoText(price)} now, above your limit of ${taoText(maxBurn)}: raise the limit or wait`,
      { details: { price: price.toString(), limit: maxBurn.toString() } },
    );
  }
  if (free < price) {
    throw new OperatorError(
      'NOT_ENOUGH_BALANCE',
      `the coldkey ${coldkey.address} holds ${taoText(free)} and registering costs ${taoText(price)}: send it more`,
    );
  }
  const limited = context.hasCall('subtensorModule', 'registerLimit');
  const call = limited
    ? { pallet: 'subtensorModule', call: 'registerLimit', args: [netuid, hotkey, maxBurn] }
    : { pallet: 'subtensorModule', call: 'burnedRegister', args: [netuid, hotkey] };
  const { block, events } = await context.submit(call, coldkey, options).catch((error: unknown) => {
    throw operatorErrorOf(error) ?? error;
  });
  const registered = events.find((event) => event.pallet === 'subtensorModule' && event.name === 'NeuronRegistered');
  const fromEvent = z.tuple([uint, uint]).rest(z.unknown()).safeParse(registered?.data);
  const newUid = fromEvent.success
    ? fromEvent.data[1]
    : await context.read('the new uid', (state) => readUid(state, netuid, hotkey), { at: block.hash });
  if (newUid === undefined) {
    throw new ChainError(
      'REGISTRATION_MISSING',
      `${call.call} succeeded in block ${block.number} but ${hotkey} has no uid there`,
    );
  }
  return { uid: newUid, burned: price, block };
}

function operatorErrorOf(error: unknown): OperatorError | undefined {
  if (!(error instanceof ChainError)) return undefined;
  const code = CODES[error.code];
  return code ? new OperatorError(code, error.message, { cause: error, details: error.details }) : undefined;
}
