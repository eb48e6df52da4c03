import { errorMessage, type Logger, OperatorError, silentLogger } from '@tuning/kit';
import { fromHex, ScaleReader, ScaleWriter, toHex } from '../../scale/bytes.ts';
import { orderedRoot } from '../../trie/trie.ts';
import { DevnetBeacon } from '../emulated/devnet-beacon.ts';
import type {
  ApplyResult,
  BlockInfo,
  BlockRef,
  Runtime,
  RuntimeState,
  RuntimeVersion,
  Seal,
  Validity,
} from '../runtime.ts';
import { extrinsicList, inherentData, newHeader, sealOf } from './block-codec.ts';
import { nextSlot, type Slot, TIMESTAMP_NOW_KEY } from './chain-clock.ts';
import { Executor, RuntimeTrap } from './executor.ts';
import { CODE_KEY, writeGenesis } from './genesis.ts';
import { NO_STATE } from './no-state.ts';
import type { RuntimeSource } from './source/runtime-source.ts';
import { decodeApplyResult, decodeValidity } from './validity-codec.ts';
import { decodeVersion } from './version-codec.ts';

const NOTHING = new Uint8Array();
/** sp_runtime::transaction_validity::TransactionSource::External */
const EXTERNAL = 2;

/** One version of the code with what it says about itself. */
interface Compiled {
  executor: Executor;
  version: RuntimeVersion;
  slotMs: bigint;
  metadataVersions: readonly number[];
  metadata: Map<number, Uint8Array | undefined>;
}

export interface WasmRuntimeOptions {
  logger?: Logger;
  /**
   * Default false. true: the pulses of the devnet's own drand network are written into storage between blocks, where a
   * node's off-chain worker would submit quicknet's. A signature takes some 10 ms for each 3 seconds of chain time.
   */
  beacon?: boolean;
}

/**
 * A real Substrate runtime with Aura, such as Subtensor's, run by V8. The code is what the state holds under `:code`, so a
 * runtime upgrade takes effect in the block after it, and a call at an older block runs the code of then.
 */
export class WasmRuntime implements Runtime {
  readonly #source: RuntimeSource;
  readonly #logger: Logger;
  readonly #beacon: DevnetBeacon | undefined;
  /** Keyed by the very bytes in the state; they are not copied from block to block. */
  readonly #compiled = new WeakMap<Uint8Array, Compiled>();
  #best: Compiled;

  /** BadInputError RUNTIME_CODE_INVALID, WASM_INVALID; OperatorError RUNTIME_METHOD_MISSING. Crypto must be ready. */
  constructor(source: RuntimeSource, { logger = silentLogger, beacon = false }: WasmRuntimeOptions = {}) {
    this.#source = source;
    this.#logger = logger;
    this.#beacon = beacon ? new DevnetBeacon() : undefined;
    this.#best = this.#compile(source.code);
  }

  get version(): RuntimeVersion {
    return this.#best.version;
  }

  get metadataVersions(): readonly number[] {
    return this.#best.metadataVersions;
  }

  metadata(version: number): Uint8Array | undefined {
    const { metadata, executor } = this.#best;
    if (!metadata.has(version)) metadata.set(version, readMetadata(executor, version));
    return metadata.get(version);
  }

  buildGenesis(state: RuntimeState): Seal {
    writeGenesis(this.#best.executor, state, this.#source);
    this.#beacon?.configure(state);
    this.#best = this.#at(state);
    const version = this.version.stateVersion === 0 ? 0 : 1;
    return { stateRoot: toHex(state.root(version)), extrinsicsRoot: toHex(orderedRoot([], 0)), logs: [] };
  }

  validate(state: RuntimeState, extrinsic: Uint8Array, best: BlockRef): Validity {
    const args = new ScaleWriter().u8(EXTERNAL).raw(extrinsic).raw(fromHex(best.hash)).finish();
    try {
      return decodeValidity(this.#at(state).executor.call(state, 'TaggedTransactionQueue_validate_transaction', args));
    } catch (error) {
      // Bytes that are no extrinsic make the runtime panic, as its API asks for a decoded one.
      if (error instanceof RuntimeTrap) return { ok: false, malformed: error.panic ?? error.message };
      throw error;
    }
  }

  initialiseBlock(state: RuntimeState, block: BlockInfo): void {
    const compiled = this.#at(state);
    // Before the first block the chain has no time yet.
    if (state.get(TIMESTAMP_NOW_KEY)) this.#beacon?.publish({ state, deposit: () => {} });
    compiled.executor.call(state, 'Core_initialize_block', newHeader(block, this.#slot(state, block.nowMs)));
  }

  inherents(state: RuntimeState, nowMs: number): Uint8Array[] {
    const data = inherentData(this.#slot(state, nowMs));
    return extrinsicList(this.#at(state).executor.call(state, 'BlockBuilder_inherent_extrinsics', data));
  }

  applyExtrinsic(state: RuntimeState, extrinsic: Uint8Array): ApplyResult {
    try {
      return decodeApplyResult(this.#at(state).executor.call(state, 'BlockBuilder_apply_extrinsic', extrinsic));
    } catch (error) {
      // Were it thrown, the extrinsic would come back in every block.
      this.#logger.warn({ error: errorMessage(error) }, 'an extrinsic cannot be executed; it is left out of the block');
      return { included: false, invalid: { name: 'Call' } };
    }
  }

  finaliseBlock(state: RuntimeState): Seal {
    const seal = sealOf(this.#at(state).executor.call(state, 'BlockBuilder_finalize_block', NOTHING));
    this.#best = this.#at(state);
    return seal;
  }

  call(state: RuntimeState, method: string, args: Uint8Array): Uint8Array | undefined {
    const { executor } = this.#at(state);
    return executor.has(method) ? executor.call(state, method, args) : undefined;
  }

  #slot(state: RuntimeState, nowMs: number): Slot {
    return nextSlot(state, nowMs, this.#at(state).slotMs);
  }

  #at(state: RuntimeState): Compiled {
    const code = state.get(CODE_KEY);
    if (!code) throw new OperatorError('RUNTIME_CODE_MISSING', 'the state holds no runtime under :code; start afresh');
    return this.#compiled.get(code) ?? this.#compile(code);
  }

  #compile(code: Uint8Array): Compiled {
    const executor = new Executor(code, this.#logger);
    const compiled: Compiled = {
      executor,
      version: decodeVersion(executor.call(NO_STATE, 'Core_version', NOTHING)),
      slotMs: new ScaleReader(executor.call(NO_STATE, 'AuraApi_slot_duration', NOTHING)).uint(8),
      metadataVersions: readMetadataVersions(executor),
      metadata: new Map(),
    };
    this.#compiled.set(code, compiled);
    return compiled;
  }
}

function readMetadataVersions(executor: Executor): number[] {
  if (!executor.has('Metadata_metadata_versions')) return [14];
  const reader = new ScaleReader(executor.call(NO_STATE, 'Metadata_metadata_versions', NOTHING));
  return Array.from({ length: reader.length() }, () => Number(reader.uint(4)));
}

function readMetadata(executor: Executor, version: number): Uint8Array | undefined {
  if (executor.has('Metadata_metadata_at_version')) {
    const args = new ScaleWriter().uint(version, 4).finish();
    const reader = new ScaleReader(executor.call(NO_STATE, 'Metadata_metadata_at_version', args));
    return reader.u8() === 1 ? reader.bytes() : undefined;
  }
  return version === 14 ? new ScaleReader(executor.call(NO_STATE, 'Metadata_metadata', NOTHING)).bytes() : undefined;
}
