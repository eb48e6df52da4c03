import { open } from 'node:fs/promises';
import { errorMessage, type Logger, OperatorError } from '@tuning/kit';
import { isWasm } from '../module-info.ts';
import { isCompressed } from '../runtime-code.ts';
import { parseChainSpec } from './chain-spec.ts';
import { codeOfEndpoint } from './endpoint-code.ts';

/** How block 0 comes about. */
export type GenesisSource =
  /** The runtime's own defaults with development accounts and sudo //Alice. */
  | { kind: 'development' }
  /** The runtime's own defaults with a specification's patch. */
  | { kind: 'patch'; patch: Record<string, unknown> }
  | { kind: 'config'; config: Record<string, unknown> }
  | { kind: 'raw'; entries: readonly (readonly [key: string, value: Uint8Array])[] };

export interface RuntimeSource {
  /** Name of the chain. */
  chain: string;
  /** As in `:code`: WebAssembly, plain or compressed. */
  code: Uint8Array;
  genesis: GenesisSource;
}

/** The largest chain specification that is read: raw ones of a live chain have gigabytes and do not fit a devnet. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;
const DEV_CHAIN = 'Bittensor Devnet';

/**
 * Where a real runtime comes from: a file (WebAssembly, plain or compressed, or a chain specification, plain or raw) or the
 * ws(s) URL of a live chain. OperatorError RUNTIME_NOT_FOUND, RUNTIME_TOO_LARGE; BadInputError CHAIN_SPEC_INVALID; see
 * `codeOfEndpoint` too.
 */
export async function loadRuntimeSource(
  from: string,
  options: { cacheDir?: string; logger: Logger; signal?: AbortSignal },
): Promise<RuntimeSource> {
  if (/^wss?:\/\//.test(from)) {
    const code = await codeOfEndpoint(from, options);
    return { chain: DEV_CHAIN, code, genesis: { kind: 'development' } };
  }
  const bytes = await readBounded(from);
  if (isWasm(bytes) || isCompressed(bytes)) {
    return { chain: DEV_CHAIN, code: bytes, genesis: { kind: 'development' } };
  }
  return parseChainSpec(Buffer.from(bytes).toString('utf8'));
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > MAX_FILE_BYTES) {
        throw new OperatorError('RUNTIME_TOO_LARGE', `${path} has ${size} bytes; at most ${MAX_FILE_BYTES} are read`);
      }
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError('RUNTIME_NOT_FOUND', `the runtime cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
