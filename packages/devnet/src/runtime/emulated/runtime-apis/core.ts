import { ScaleWriter } from '../../../scale/bytes.ts';
import type { BlockRef, RuntimeState, Validity } from '../../runtime.ts';
import { isFreeCall } from '../execution.ts';
import { decodeExtrinsic } from '../extrinsic.ts';
import type { RuntimeApi } from '../metadata/runtime-api.ts';
import { systemStorage } from '../pallets/system.ts';
import { feeOf } from '../pallets/transaction-payment.ts';
import { versionValue } from '../version.ts';

export interface CoreApiSources {
  version: number;
  slotMs(): number;
  metadataVersions: readonly number[];
  metadata(version: number): Uint8Array | undefined;
  validate(state: RuntimeState, extrinsic: Uint8Array, best: BlockRef): Validity;
}

const WEIGHT = { ref_time: 100_000_000n, proof_size: 0n };

/** An extrinsic's own length prefix is that of the argument: decoding took it away. */
function prefixed(body: Uint8Array): Uint8Array {
  return new ScaleWriter().bytes(body).finish();
}

/** The fee that an unsigned or signed extrinsic of these bytes would pay; it may carry a fake signature. */
function feesFor(uxt: Uint8Array): { base: bigint; length: bigint; total: bigint; free: boolean; tip: bigint } {
  const extrinsic = decodeExtrinsic(prefixed(uxt));
  const free = isFreeCall(extrinsic.call);
  const tip = extrinsic.signed?.tip ?? 0n;
  return free ? { base: 0n, length: 0n, total: 0n, free, tip } : { ...feeOf(extrinsic.length), free, tip };
}

function validity(result: Validity): unknown {
  if (result.ok) {
    const tag = (text: string): Uint8Array => new TextEncoder().encode(text);
    const { provides, requires, priority, longevity } = result.valid;
    const value = {
      priority,
      requires: requires.map(tag),
      provides: provides.map(tag),
      longevity: BigInt(longevity),
      propagate: true,
    };
    return { kind: 'Ok', value };
  }
  const name = 'malformed' in result ? 'Call' : result.invalid.name;
  const invalid = { kind: name, value: 'malformed' in result ? [] : (result.invalid.custom ?? []) };
  return { kind: 'Err', value: { kind: 'Invalid', value: invalid } };
}

export function coreApis(sources: CoreApiSources): RuntimeApi[] {
  return [
    {
      name: 'Core',
      version: 5,
      methods: { version: { inputs: {}, output: 'RuntimeVersion', run: () => versionValue(sources.version) } },
    },
    {
      name: 'Metadata',
      version: 2,
      methods: {
        metadata: { inputs: {}, output: 'OpaqueMetadata', run: () => sources.metadata(14) },
        metadata_at_version: {
          inputs: { version: 'u32' },
          output: 'Option<OpaqueMetadata>',
          run: (_state, [version]) => sources.metadata(version as number),
        },
        metadata_versions: { inputs: {}, output: 'Vec<u32>', run: () => sources.metadataVersions },
      },
    },
    {
      name: 'TaggedTransactionQueue',
      version: 3,
      methods: {
        validate_transaction: {
          inputs: { source: 'TransactionSource', tx: 'Bytes', block_hash: 'H256' },
          output: 'Result<ValidTransaction,TransactionValidityError>',
          run: (state, [, tx, hash]) => {
            const best = { number: systemStorage.Number.get(state), hash: hash as string };
            return validity(sources.validate(state, prefixed(tx as Uint8Array), best));
          },
        },
      },
    },
    {
      name: 'AuraApi',
      version: 1,
      methods: { slot_duration: { inputs: {}, output: 'SlotDuration', run: () => BigInt(sources.slotMs()) } },
    },
    {
      name: 'AccountNonceApi',
      version: 1,
      methods: {
        account_nonce: {
          inputs: { account: 'AccountId32' },
          output: 'u32',
          run: (state, [account]) => systemStorage.Account.get(state, account as string).nonce,
        },
      },
    },
    {
      name: 'TransactionPaymentApi',
      version: 4,
      methods: {
        query_info: {
          inputs: { uxt: 'UncheckedExtrinsic', len: 'u32' },
          output: 'RuntimeDispatchInfo',
          run: (_state, [uxt]) => ({
            weight: WEIGHT,
            class: { kind: 'Normal' },
            partial_fee: feesFor(uxt as Uint8Array).total,
          }),
        },
        query_fee_details: {
          inputs: { uxt: 'UncheckedExtrinsic', len: 'u32' },
          output: 'FeeDetails',
          run: (_state, [uxt]) => {
            const { base, length, free, tip } = feesFor(uxt as Uint8Array);
            const inclusion_fee = free ? undefined : { base_fee: base, len_fee: length, adjusted_weight_fee: 0n };
            return { inclusion_fee, tip };
          },
        },
      },
    },
  ];
}
