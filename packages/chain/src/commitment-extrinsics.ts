import type { ApiPromise } from '@polkadot/api';
import { z } from 'zod';
import { account, uint } from './chain-values.ts';
import { fieldTexts, isTimelocked, spaceOf } from './commitment-fields.ts';

/** A `set_commitment` as it stands in the body of a block: signed and included, but perhaps failed. */
export interface CommitmentCall {
  /** SS58. */
  hotkey: string;
  fields: string[];
  /** Number of fields, of whatever kind. */
  fieldCount: number;
  /** What it takes of the hotkey's space for commitments. */
  space: number;
  /** Inside a batch or another call, whose failure may have kept it from running. */
  nested: boolean;
}

interface Call {
  section: string;
  method: string;
  args: { toJSON(): unknown }[];
}

/** Calls that hold calls, and who signs those. */
const BATCHES = new Set(['batch', 'batchAll', 'forceBatch']);
const MAX_DEPTH = 8;

/**
 * The commitments to a subnet that an extrinsic asks for, batched and proxied ones included; none when it has none or is not
 * of this runtime. Timelocked ones are left out: their text is not in the chain yet.
 * @param hex the extrinsic as `chain_getBlock` gives it.
 */
export function commitmentCalls(api: ApiPromise, netuid: number, hex: string): CommitmentCall[] {
  const set = api.tx['commitments']?.['setCommitment'];
  if (!set) return [];
  // Index of pallet and call, and the netuid: most extrinsics need no decoding.
  const needle = Buffer.from([...set.callIndex, netuid & 0xff, netuid >> 8]).toString('hex');
  if (!hex.includes(needle)) return [];
  try {
    const extrinsic = api.registry.createType('Extrinsic', hex);
    if (!extrinsic.isSigned) return [];
    const signer = account.parse(extrinsic.signer.toString());
    return callsIn(extrinsic.method as unknown as Call, signer, netuid, 0);
  } catch {
    // Of another version of the runtime, or bytes that only look like the call.
    return [];
  }
}

const info = z.looseObject({ fields: z.array(z.record(z.string(), z.unknown())) });

function callsIn(call: Call, signer: string, netuid: number, depth: number): CommitmentCall[] {
  if (depth > MAX_DEPTH) return [];
  const inner = (one: unknown, who = signer) => callsIn(one as Call, who, netuid, depth + 1);
  const name = `${call.section}.${call.method}`;
  if (name === 'commitments.setCommitment') {
    const { fields } = info.parse(call.args[1]?.toJSON());
    if (uint.parse(call.args[0]?.toJSON()) !== netuid || fields.some(isTimelocked)) return [];
    const texts = fieldTexts(fields);
    return [{ hotkey: signer, fields: texts, fieldCount: fields.length, space: spaceOf(fields), nested: depth > 0 }];
  }
  if (call.section === 'utility' && BATCHES.has(call.method)) {
    return [...(call.args[0] as unknown as Iterable<unknown>)].flatMap((one) => inner(one));
  }
  if (name === 'proxy.proxy') return inner(call.args[2], accountOf(call.args[0]));
  if (name === 'sudo.sudoAs') return inner(call.args[1], accountOf(call.args[0]));
  return [];
}

/** An account given as MultiAddress. */
function accountOf(value: { toJSON(): unknown } | undefined): string {
  const json = z.union([account, z.object({ id: account }).transform(({ id }) => id)]);
  return json.parse(value?.toJSON());
}
