import { BadInputError, TransientError } from '@tuning/kit';
import { type Axon, axonRow, certificateRow } from './axon.ts';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, ServeArgs } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError } from './chain-error.ts';
import type { ChainState } from './chain-state.ts';
import { uint } from './chain-values.ts';
import { formatIp, parseIp } from './ip-address.ts';
import { requireUid } from './subnet.ts';

/** The chain ignores longer certificates, and empty ones, while the call succeeds. */
const MAX_CERTIFICATE_BYTES = 65;

interface Published {
  axon: (Axon & { block: number }) | undefined;
  certificate: Uint8Array | undefined;
}

/**
 * Publishes address and transport key, and reads both rows back. Nothing is sent when the chain holds the same.
 * @throws OperatorError `HOTKEY_NOT_REGISTERED` | `AXON_ADDRESS_REFUSED`; BadInputError `AXON_ADDRESS_INVALID` |
 * `AXON_INVALID`; TransientError `SERVING_TOO_SOON` (`details.blocksToWait`); ChainError `AXON_MISMATCH`; as `submit`.
 */
export async function serve(
  context: ChainContext,
  args: ServeArgs,
  options: CallOptions = {},
): Promise<{ block: BlockRef; changed: boolean }> {
  const { netuid, hotkey, certificate } = args;
  const { ip, type } = parseIp(args.ip);
  if (!Number.isInteger(args.port) || args.port < 1 || args.port > 65_535) {
    throw new BadInputError('AXON_INVALID', `${args.port} is not a port: use 1 to 65535`);
  }
  if (certificate.length < 2 || certificate.length > MAX_CERTIFICATE_BYTES) {
    throw new BadInputError(
      'AXON_INVALID',
      `a certificate has 2 to ${MAX_CERTIFICATE_BYTES} bytes, not ${certificate.length}`,
    );
  }
  const wanted: Axon = {
    ip: formatIp({ ip, type }),
    port: args.port,
    protocol: args.protocol ?? 0,
    version: args.version,
    placeholder1: args.placeholder1 ?? 0,
    placeholder2: args.placeholder2 ?? 0,
  };
  await requireUid(context, netuid, hotkey.address, options.signal);
  const { head } = context;
  const { published, limit } = await context.read(
    `the axon of ${hotkey.address}`,
    async (state) => ({
      published: await readPublished(state, netuid, hotkey.address),
      limit: await state.read(uint, 'subtensorModule', 'servingRateLimit', netuid),
    }),
    { at: head.hash, signal: options.signal },
  );
  if (isPublished(published, wanted, certificate)) return { block: head, changed: false };
  if (published.axon && limit > 0 && published.axon.block > 0) {
    // The earliest block that can take the call is the one after the head.
    const blocksToWait = published.axon.block + limit - (head.number + 1);
    if (blocksToWait > 0) {
      throw new TransientError(
        'SERVING_TOO_SOON',
        `the axon of ${hotkey.address} changed in block ${published.axon.block} and may change again in ${blocksToWait} blocks`,
        { details: { blocksToWait } },
      );
    }
  }
  const { block } = await context.submit(
    {
      pallet: 'subtensorModule',
      call: 'serveAxonTls',
      args: [
        netuid,
        wanted.version,
        ip,
        wanted.port,
        type,
        wanted.protocol,
        wanted.placeholder1,
        wanted.placeholder2,
        `0x${Buffer.from(certificate).toString('hex')}`,
      ],
    },
    hotkey,
    options,
  );
  const after = await context.read('the served axon', (state) => readPublished(state, netuid, hotkey.address), {
    at: block.hash,
    signal: options.signal,
  });
  if (!isPublished(after, wanted, certificate)) {
    throw new ChainError(
      'AXON_MISMATCH',
      `serve_axon_tls succeeded in block ${block.number}, but the chain does not hold what was sent for ${hotkey.address}: try again`,
      { details: { block: block.number } },
    );
  }
  return { block, changed: true };
}

async function readPublished(state: ChainState, netuid: number, hotkey: string): Promise<Published> {
  const [row, certificate] = await Promise.all([
    state.read(axonRow.nullable(), 'subtensorModule', 'axons', netuid, hotkey),
    state.read(certificateRow.nullable(), 'subtensorModule', 'neuronCertificates', netuid, hotkey),
  ]);
  return { axon: row ? { ...row.axon, block: row.block } : undefined, certificate: certificate ?? undefined };
}

function isPublished({ axon, certificate }: Published, wanted: Axon, wantedCertificate: Uint8Array): boolean {
  return (
    axon !== undefined &&
    certificate !== undefined &&
    (Object.keys(wanted) as (keyof Axon)[]).every((key) => axon[key] === wanted[key]) &&
    Buffer.from(certificate).equals(wantedCertificate)
  );
}
