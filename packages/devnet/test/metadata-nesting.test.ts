import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { EmulatedRuntime } from '../src/runtime/emulated/runtime.ts';

/** polkadot.js looks through newtypes (BoundedVec, Cow, …), but Python clients see them: each is one level of nesting. */
const KNOWN_DIFFERENCES = new Set([
  // Rust's Cow around name and list of the version, which clients take from state_getRuntimeVersion instead.
  'constant System.Version',
  'api Core.version',
  // A fixed-point newtype that is shown as its integer.
  'storage TransactionPayment.NextFeeMultiplier',
  // Frontier's wrapper around the extrinsic; clients pass opaque bytes.
  'api TaggedTransactionQueue.validate_transaction',
  'api TransactionPaymentApi.query_info',
  'api TransactionPaymentApi.query_fee_details',
  // Of later releases; see metadata.test.ts.
  'storage SubtensorModule.SubnetEpochConsensus',
  'storage SubtensorModule.CollateralLockShare',
]);
/** Deep enough for every newtype; calls refer to themselves. */
const MAX_DEPTH = 8;

/** 'pallet.item' -> its types with every newtype spelt out. */
function nesting(bytes: Uint8Array): Map<string, string> {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, `0x${Buffer.from(bytes).toString('hex')}`);
  registry.setMetadata(metadata);
  const { lookup, pallets, apis } = metadata.asLatest;
  const lines = new Map<string, string>();
  type Field = { name: { toString(): string }; type: unknown };
  const fields = (list: Iterable<Field>, depth = 0): string =>
    Array.from(list, (field) => `${field.name}:${shape(field.type, depth)}`).join();
  const shape = (id: unknown, depth = 0): string => {
    const { path, def } = lookup.getSiType(id as never);
    const name = path.at(-1)?.toString() ?? '';
    const inner = (type: unknown) => shape(type, depth + 1);
    if (depth > MAX_DEPTH) return name;
    if (def.isPrimitive) return def.asPrimitive.toString();
    if (def.isCompact) return `Compact<${inner(def.asCompact.type)}>`;
    if (def.isSequence) return `Vec<${inner(def.asSequence.type)}>`;
    if (def.isArray) return `[${inner(def.asArray.type)};${def.asArray.len}]`;
    if (def.isTuple) return `(${def.asTuple.map(inner)})`;
    if (def.isComposite) return `${name}{${fields(def.asComposite.fields as never, depth + 1)}}`;
    return name === 'Option' ? `Option<${inner(def.asVariant.variants[1]!.fields[0]!.type)}>` : name;
  };
  const variants = (kind: string, type: unknown) => {
    for (const one of lookup.getSiType(type as never).def.asVariant.variants) {
      lines.set(`${kind}.${one.name}`, fields(one.fields as never));
    }
  };
  for (const pallet of pallets) {
    if (pallet.calls.isSome) variants(`call ${pallet.name}`, pallet.calls.unwrap().type);
    if (pallet.events.isSome) variants(`event ${pallet.name}`, pallet.events.unwrap().type);
    for (const { name, type } of pallet.storage.unwrapOrDefault().items) {
      const line = type.isPlain ? shape(type.asPlain) : `${shape(type.asMap.key)} -> ${shape(type.asMap.value)}`;
      lines.set(`storage ${pallet.name}.${name}`, line);
    }
    for (const { name, type } of pallet.constants) lines.set(`constant ${pallet.name}.${name}`, shape(type));
  }
  for (const api of apis) {
    for (const { name, inputs, output } of api.methods) {
      lines.set(`api ${api.name}.${name}`, `(${inputs.map((input) => shape(input.type))}) -> ${shape(output)}`);
    }
  }
  return lines;
}

beforeAll(async () => {
  await cryptoWaitReady();
});

describe('nesting of types in the metadata', () => {
  it('names the type of every field of an event and gives every error a text', () => {
    const registry = new TypeRegistry();
    const metadata = new Metadata(registry, `0x${Buffer.from(new EmulatedRuntime().metadata(15)!).toString('hex')}`);
    const { lookup, pallets } = metadata.asLatest;
    const variants = (type: unknown) => lookup.getSiType(type as never).def.asVariant.variants;
    for (const { events, errors } of pallets) {
      const rows = events.isSome ? variants(events.unwrap().type) : [];
      for (const row of rows) expect(row.fields.every(({ typeName }) => typeName.isSome)).toBe(true);
      const failures = errors.isSome ? variants(errors.unwrap().type) : [];
      for (const failure of failures) expect(failure.docs.length, failure.name.toString()).toBe(1);
    }
  });

  const fixture = process.env['SUBTENSOR_METADATA'];
  it.skipIf(!fixture)('is that of real Subtensor metadata, newtypes included', () => {
    const real = nesting(readFileSync(fixture!));
    const differences = [...nesting(new EmulatedRuntime().metadata(15)!)]
      .filter(([name, line]) => !KNOWN_DIFFERENCES.has(name) && real.get(name) !== line)
      .map(([name, line]) => `${name}:\nours ${line}\nreal ${real.get(name)}`);
    expect(differences).toEqual([]);
  });
});
