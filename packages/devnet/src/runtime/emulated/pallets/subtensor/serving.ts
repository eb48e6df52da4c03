import type { RuntimeState } from '../../../runtime.ts';
import { type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { subtensor as s } from './storage.ts';

export interface ServeAxonArgs {
  netuid: number;
  version: number;
  ip: bigint;
  port: number;
  ip_type: number;
  protocol: number;
  placeholder1: number;
  placeholder2: number;
}

export interface ServePrometheusArgs {
  netuid: number;
  version: number;
  ip: bigint;
  port: number;
  ip_type: number;
}

const IPV4_BROADCAST = 0xffff_ffffn;
const IPV4_LOCALHOST = 0x7f00_0001n;
const IPV6_ALL_ONES = (1n << 128n) - 1n;

/** `ip` is the address as a big-endian integer. Private ranges and 127.0.0.2 pass. */
function validIp(ip: bigint, type: number): boolean {
  if (type === 4) return ip < IPV4_BROADCAST && ip !== IPV4_LOCALHOST;
  return ip !== IPV6_ALL_ONES && ip !== 1n;
}

function rateLimitPassed(state: RuntimeState, netuid: number, last: bigint, block: number): boolean {
  const limit = s.ServingRateLimit.get(state, netuid);
  return limit === 0n || last === 0n || BigInt(block) - last >= limit;
}

/** All checks of serve_axon in the chain's order; the transaction pool runs them too. */
export function checkServeAxon(state: RuntimeState, block: number, hotkey: string, args: ServeAxonArgs): void {
  ensure(s.Uids.has(state, args.netuid, hotkey), 'HotKeyNotRegisteredInNetwork');
  ensure(args.ip_type === 4 || args.ip_type === 6, 'InvalidIpType');
  ensure(validIp(args.ip, args.ip_type), 'InvalidIpAddress');
  const last = s.Axons.get(state, args.netuid, hotkey)?.block ?? 0n;
  ensure(rateLimitPassed(state, args.netuid, last, block), 'ServingRateLimitExceeded');
  ensure(args.port !== 0, 'InvalidPort');
}

export function checkServePrometheus(
  state: RuntimeState,
  block: number,
  hotkey: string,
  args: ServePrometheusArgs,
): void {
  ensure(args.ip_type === 4 || args.ip_type === 6, 'InvalidIpType');
  ensure(args.ip !== 0n && validIp(args.ip, args.ip_type), 'InvalidIpAddress');
  ensure(s.Uids.has(state, args.netuid, hotkey), 'HotKeyNotRegisteredInNetwork');
  const last = s.Prometheus.get(state, args.netuid, hotkey)?.block ?? 0n;
  ensure(rateLimitPassed(state, args.netuid, last, block), 'ServingRateLimitExceeded');
  ensure(args.port !== 0, 'InvalidPort');
}

function serveAxon(context: Context, origin: Origin, args: ServeAxonArgs, certificate?: Uint8Array): void {
  const { state, block } = context;
  const hotkey = ensureSigned(origin);
  checkServeAxon(state, block, hotkey, args);
  const { netuid, ...axon } = args;
  // Byte 0 is the algorithm, the rest the key. One that is empty or too long is ignored without an error, as on chain.
  if (certificate !== undefined && certificate.length > 0 && certificate.length <= 65) {
    s.NeuronCertificates.put(state, netuid, hotkey, {
      public_key: certificate.subarray(1),
      algorithm: certificate[0]!,
    });
  }
  s.Axons.put(state, netuid, hotkey, { ...axon, block: BigInt(block) });
  context.deposit('SubtensorModule', 'AxonServed', [netuid, hotkey]);
}

function servePrometheus(context: Context, origin: Origin, args: ServePrometheusArgs): void {
  const { state, block } = context;
  const hotkey = ensureSigned(origin);
  checkServePrometheus(state, block, hotkey, args);
  const { netuid, ...info } = args;
  s.Prometheus.put(state, netuid, hotkey, { ...info, block: BigInt(block) });
  context.deposit('SubtensorModule', 'PrometheusServed', [netuid, hotkey]);
}

const endpoint = { netuid: 'u16', version: 'u32', ip: 'u128', port: 'u16', ip_type: 'u8' };
const axon = { ...endpoint, protocol: 'u8', placeholder1: 'u8', placeholder2: 'u8' };

export const servingCalls: Readonly<Record<string, CallDescription>> = {
  serve_axon: {
    index: 4,
    args: axon,
    free: true,
    dispatch: (context, origin, args: ServeAxonArgs) => serveAxon(context, origin, args),
  },
  serve_axon_tls: {
    index: 40,
    args: { ...axon, certificate: 'Bytes' },
    free: true,
    dispatch: (context, origin, { certificate, ...args }: ServeAxonArgs & { certificate: Uint8Array }) =>
      serveAxon(context, origin, args, certificate),
  },
  serve_prometheus: { index: 5, args: endpoint, free: true, dispatch: servePrometheus },
};
