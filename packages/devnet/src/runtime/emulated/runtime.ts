import { errorMessage } from '@tuning/kit';
import type { Variant } from '../../scale/codec.ts';
import type {
  ApplyResult,
  BlockInfo,
  BlockRef,
  InvalidTransaction,
  Runtime,
  RuntimeState,
  RuntimeVersion,
  Validity,
} from '../runtime.ts';
import { EXISTENTIAL_DEPOSIT, freeBalance, setBalance } from './balances-ledger.ts';
import { DevnetBeacon } from './devnet-beacon.ts';
import { dispatchErrorValue, Execution, isFreeCall } from './execution.ts';
import { bareExtrinsic, decodeExtrinsic, type Extrinsic, eraBirth, signatureValid } from './extrinsic.ts';
import { buildGenesis } from './genesis.ts';
import { buildMetadata } from './metadata/build-metadata.ts';
import { auraPallet, MAINNET_SLOT_MS } from './pallets/aura.ts';
import { revealCommitments } from './pallets/commitments.ts';
import { PALLETS } from './pallets/index.ts';
import { blockStep } from './pallets/subtensor/block-step.ts';
import { checkInPool } from './pallets/subtensor/pool-checks.ts';
import {
  BLOCK_HASH_COUNT,
  incrementNonce,
  systemPallet,
  systemPalletOf,
  systemStorage,
  ZERO_HASH,
} from './pallets/system.ts';
import { timestampStorage } from './pallets/timestamp.ts';
import { feeOf } from './pallets/transaction-payment.ts';
import { callRuntimeApi } from './runtime-apis/call.ts';
import { createRuntimeApis } from './runtime-apis/index.ts';
import { runtimeCodecs } from './runtime-types.ts';
import { runtimeVersion, SPEC_VERSION } from './version.ts';

/** Of class Mandatory: only who makes the block may put it in. */
const isInherent = ({ kind }: Variant): boolean => kind === 'Timestamp';
/** A transaction that a nonce gap holds back waits for the one before it, named by this tag. */
const nonceTag = (who: string, nonce: number): string => `${who}:${nonce}`;
/** NORMAL_DISPATCH_BASE_PRIORITY: tips buy none (runtime/src/transaction_payment_wrapper.rs). */
const NORMAL_PRIORITY = 1n;
/** Bytes of all transactions of a block: 75% of 10 MiB. */
const MAX_NORMAL_LENGTH = 7_864_320;
const IMMORTAL_LONGEVITY = Number.MAX_SAFE_INTEGER;

type Checked = { extrinsic: Extrinsic; accountNonce: number; longevity: number };

/** Subtensor written in TypeScript: the pallets this project and its users touch, with the real names and order. */
export class EmulatedRuntime implements Runtime {
  readonly version: RuntimeVersion;
  readonly metadataVersions = [14, 15] as const;
  readonly #metadata = new Map<number, Uint8Array>();
  readonly #slotMs: number;
  readonly #apis: ReturnType<typeof createRuntimeApis>;
  #beacon: DevnetBeacon | undefined;

  /**
   * `slotMs`: the time between blocks that clients are told; default mainnet's. `beacon`: the chain has a drand network of
   * its own, see {@link DevnetBeacon}; else it waits for quicknet's pulses to be put into its storage. `specVersion`: what
   * it calls itself; transactions are signed for it.
   */
  constructor({
    slotMs = MAINNET_SLOT_MS,
    beacon = false,
    specVersion = SPEC_VERSION,
  }: { slotMs?: number; beacon?: boolean; specVersion?: number } = {}) {
    this.#slotMs = slotMs;
    this.#beacon = beacon ? new DevnetBeacon() : undefined;
    this.version = runtimeVersion(specVersion);
    this.#apis = createRuntimeApis({
      version: specVersion,
      slotMs: () => this.#slotMs,
      metadata: (version) => this.metadata(version),
      metadataVersions: this.metadataVersions,
      validate: (state, extrinsic, best) => this.validate(state, extrinsic, best),
    });
  }

  /** The same runtime under another version: what a client sees of an upgrade. */
  upgraded(specVersion: number): EmulatedRuntime {
    const next = new EmulatedRuntime({ slotMs: this.#slotMs, specVersion });
    next.#beacon = this.#beacon;
    return next;
  }

  metadata(version: number): Uint8Array | undefined {
    if (version !== 14 && version !== 15) return undefined;
    const known = this.#metadata.get(version);
    if (known) return known;
    const { specVersion } = this.version;
    const described = PALLETS.map((pallet) => (pallet === systemPallet ? systemPalletOf(specVersion) : pallet));
    const pallets = [...described, auraPallet(this.#slotMs)].sort((a, b) => a.index - b.index);
    const built = buildMetadata({ pallets, apis: this.#apis, codecs: runtimeCodecs }, version);
    this.#metadata.set(version, built);
    return built;
  }

  buildGenesis(state: RuntimeState): void {
    buildGenesis(state);
    this.#beacon?.configure(state);
  }

  initialiseBlock(state: RuntimeState, { number, parentHash }: BlockInfo): void {
    systemStorage.Events.remove(state);
    systemStorage.EventCount.remove(state);
    systemStorage.ExtrinsicCount.put(state, 0);
    timestampStorage.DidUpdate.remove(state);
    systemStorage.Number.put(state, number);
    systemStorage.ParentHash.put(state, parentHash);
    systemStorage.BlockHash.put(state, number - 1, parentHash);
    // The genesis hash stays: it is what transactions are signed against.
    if (number - 1 > BLOCK_HASH_COUNT) systemStorage.BlockHash.remove(state, number - 1 - BLOCK_HASH_COUNT);
    // The on_initialize hooks, in the order of the pallets' indices.
    const initialisation = new Execution(state, 'Initialization');
    blockStep(initialisation);
    revealCommitments(initialisation);
  }

  inherents(state: RuntimeState, nowMs: number): Uint8Array[] {
    const last = timestampStorage.Now.get(state);
    const now = BigInt(nowMs) > last ? BigInt(nowMs) : last + 1n;
    return [bareExtrinsic({ kind: 'Timestamp', value: { kind: 'set', value: { now } } })];
  }

  finaliseBlock(state: RuntimeState): void {
    this.#beacon?.publish(new Execution(state, 'Finalization'));
    systemStorage.ExtrinsicCount.remove(state);
  }

  validate(state: RuntimeState, bytes: Uint8Array, best: BlockRef): Validity {
    // A block stores its parent's hash when it begins; a fresh era may be born in the best block itself.
    systemStorage.BlockHash.put(state, best.number, best.hash);
    let extrinsic: Extrinsic;
    try {
      extrinsic = decodeExtrinsic(bytes);
    } catch (error) {
      return { ok: false, malformed: errorMessage(error) };
    }
    const checked = this.#check(state, extrinsic, best.number + 1);
    if ('name' in checked) return { ok: false, invalid: checked };
    const { who, nonce } = extrinsic.signed!;
    const requires = nonce > checked.accountNonce ? [nonceTag(who, nonce - 1)] : [];
    const valid = {
      provides: [nonceTag(who, nonce)],
      requires,
      priority: NORMAL_PRIORITY,
      longevity: checked.longevity,
    };
    return { ok: true, valid };
  }

  /** The signed extensions in their order; `block` is the block that the extrinsic would be in. */
  #check(state: RuntimeState, extrinsic: Extrinsic, block: number): Checked | InvalidTransaction {
    const { signed, call } = extrinsic;
    if (!signed) return { name: isInherent(call) ? 'MandatoryValidation' : 'Call' };
    // CheckMetadataHash: this runtime was built without a hash to compare with.
    if (signed.hashChecked) return { name: 'Call' };
    const genesisHash = systemStorage.BlockHash.get(state, 0);
    let checkpointHash = genesisHash;
    let longevity = IMMORTAL_LONGEVITY;
    if (signed.era.mortal) {
      const birth = eraBirth(signed.era, block);
      checkpointHash = systemStorage.BlockHash.get(state, birth);
      if (checkpointHash === ZERO_HASH) return { name: 'AncientBirthBlock' };
      longevity = birth + signed.era.period - block;
    }
    const { specVersion, transactionVersion } = this.version;
    if (!signatureValid(extrinsic, { specVersion, transactionVersion, genesisHash, checkpointHash })) {
      return { name: 'BadProof' };
    }
    if (isInherent(call)) return { name: 'MandatoryValidation' };
    const account = systemStorage.Account.get(state, signed.who);
    const free = isFreeCall(call);
    if (!free && account.providers === 0 && account.sufficients === 0) return { name: 'Payment' };
    if (signed.nonce < account.nonce) return { name: 'Stale' };
    if (extrinsic.length > MAX_NORMAL_LENGTH) return { name: 'ExhaustsResources' };
    const due = signed.tip + (free ? 0n : feeOf(extrinsic.length).total);
    // A fee may not cost the account its life.
    if (due > 0n && account.data.free - due < EXISTENTIAL_DEPOSIT) return { name: 'Payment' };
    const refused =
      call.kind === 'SubtensorModule'
        ? checkInPool(state, block, signed.who, call.value.kind, call.value.value)
        : undefined;
    return refused ?? { extrinsic, accountNonce: account.nonce, longevity };
  }

  applyExtrinsic(state: RuntimeState, bytes: Uint8Array): ApplyResult {
    const extrinsic = decodeExtrinsic(bytes);
    if (!extrinsic.signed) return this.#applyInherent(state, extrinsic);
    const checked = this.#check(state, extrinsic, systemStorage.Number.get(state));
    if ('name' in checked) return { included: false, invalid: checked };
    const { who, nonce, tip } = extrinsic.signed;
    if (nonce > checked.accountNonce) return { included: false, invalid: { name: 'Future' } };

    incrementNonce(state, who);
    const free = isFreeCall(extrinsic.call);
    const fee = tip + (free ? 0n : feeOf(extrinsic.length).total);
    const execution = new Execution(state, 'ApplyExtrinsic');
    if (fee > 0n) {
      setBalance(state, who, freeBalance(state, who) - fee);
      execution.deposit('Balances', 'Withdraw', { who, amount: fee });
    }
    this.#dispatch(execution, extrinsic.call, { kind: 'signed', who }, { who, fee, tip, free });
    return { included: true };
  }

  #applyInherent(state: RuntimeState, { call }: Extrinsic): ApplyResult {
    if (!isInherent(call)) return { included: false, invalid: { name: 'Call' } };
    const execution = new Execution(state, 'ApplyExtrinsic');
    execution.dispatch(call, { kind: 'none' });
    this.#finishExtrinsic(execution, undefined, true);
    return { included: true };
  }

  #dispatch(
    execution: Execution,
    call: Variant,
    origin: { kind: 'signed'; who: string },
    payment: { who: string; fee: bigint; tip: bigint; free: boolean },
  ): void {
    const { who, fee, tip } = payment;
    let failure: Variant | undefined;
    let free = payment.free;
    try {
      free = execution.run(call, origin);
    } catch (error) {
      failure = dispatchErrorValue(error);
    }
    if (fee > 0n) {
      const actual = free ? tip : fee;
      if (actual < fee) {
        setBalance(execution.state, who, freeBalance(execution.state, who) + fee - actual);
        execution.deposit('Balances', 'Deposit', { who, amount: fee - actual });
      }
      execution.deposit('TransactionPayment', 'TransactionFeePaid', { who, actual_fee: actual, tip });
    }
    this.#finishExtrinsic(execution, failure, free);
  }

  #finishExtrinsic(execution: Execution, failure: Variant | undefined, free: boolean): void {
    const dispatch_info = {
      weight: { ref_time: 100_000_000n, proof_size: 0n },
      class: { kind: 'Normal' },
      pays_fee: { kind: free ? 'No' : 'Yes' },
    };
    if (failure) execution.deposit('System', 'ExtrinsicFailed', { dispatch_error: failure, dispatch_info });
    else execution.deposit('System', 'ExtrinsicSuccess', { dispatch_info });
    const { state } = execution;
    systemStorage.ExtrinsicCount.put(state, (systemStorage.ExtrinsicCount.get(state) ?? 0) + 1);
  }

  call(state: RuntimeState, method: string, args: Uint8Array): Uint8Array | undefined {
    return callRuntimeApi(this.#apis, state, method, args);
  }
}
