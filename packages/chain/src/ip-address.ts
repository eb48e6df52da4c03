import { isIPv4, isIPv6 } from 'node:net';
import { BadInputError, OperatorError } from '@tuning/kit';

/** An address as Subtensor stores it: the big-endian integer of its bytes, and 4 or 6. */
export interface IpNumber {
  ip: bigint;
  type: 4 | 6;
}

const MAX_IPV4 = 0xffff_ffffn;
const MAX_IPV6 = (1n << 128n) - 1n;

/**
 * @throws BadInputError `AXON_ADDRESS_INVALID`; OperatorError `AXON_ADDRESS_REFUSED` for those that the chain refuses
 * (127.0.0.1, ::1 and all ones).
 */
export function parseIp(text: string): IpNumber {
  const type = isIPv4(text) ? 4 : isIPv6(text) && !text.includes('%') ? 6 : undefined;
  if (!type)
    throw new BadInputError('AXON_ADDRESS_INVALID', `'${text}' is not an IPv4 or IPv6 address: give one, not a name`);
  const ip = type === 4 ? bytesToInt(text.split('.').map(Number)) : bytesToInt(ipv6Bytes(text));
  const refused = type === 4 ? ip === 0x7f00_0001n || ip === MAX_IPV4 : ip === 1n || ip === MAX_IPV6;
  if (refused) {
    throw new OperatorError(
      'AXON_ADDRESS_REFUSED',
      `the chain refuses ${text} as an axon's address: announce the address others reach you at, on a devnet 127.0.0.2, or 0.0.0.0 to announce none`,
    );
  }
  return { ip, type };
}

export function formatIp({ ip, type }: { ip: bigint; type: number }): string {
  if (type === 6) {
    const groups = Array.from({ length: 8 }, (_, at) => ((ip >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
    return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
  }
  return Array.from({ length: 4 }, (_, at) => Number((ip >> BigInt(24 - 8 * at)) & 0xffn)).join('.');
}

function bytesToInt(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function ipv6Bytes(text: string): number[] {
  // The URL parser brings every form (mapped IPv4, upper case) to hex groups with at most one `::`.
  const [left = '', right] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const head = groups(left);
  const tail = groups(right);
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
