import { ScaleWriter } from '../../../scale/bytes.ts';
import type { CodecRegistry } from '../../../scale/codec.ts';
import type { Pallet } from '../pallet.ts';
import type { AnyStorageItem, Hasher } from '../storage.ts';
import { PortableTypes } from './portable-types.ts';
import type { RuntimeApi } from './runtime-api.ts';
import { SIGNED_EXTENSIONS, SIGNED_EXTRA } from './signed-extensions.ts';

/** frame_metadata::v14::StorageHasher. */
const HASHERS: Readonly<Record<Hasher, number>> = { Blake2_128Concat: 2, Twox64Concat: 5, Identity: 6 };

export interface MetadataParts {
  pallets: readonly Pallet[];
  apis: readonly RuntimeApi[];
  codecs: CodecRegistry;
}

/** Runtime metadata V14 or V15 as `Metadata_metadata_at_version` returns it ('meta' ‖ version ‖ …). */
export function buildMetadata(parts: MetadataParts, version: 14 | 15): Uint8Array {
  const types = new PortableTypes(parts.codecs);
  const body = new ScaleWriter();
  body.compact(parts.pallets.length);
  for (const pallet of parts.pallets) writePallet(body, pallet, types, parts.codecs, version);
  writeExtrinsic(body, types, version);
  body.compact(types.id('Runtime'));
  if (version === 15) {
    writeApis(body, parts.apis, types);
    for (const outer of ['RuntimeCall', 'RuntimeEvent', 'RuntimeError']) body.compact(types.id(outer));
    // No custom values.
    body.compact(0);
  }
  return new ScaleWriter()
    .raw(new TextEncoder().encode('meta'))
    .u8(version)
    .raw(types.encode())
    .raw(body.finish())
    .finish();
}

function writeOption(writer: ScaleWriter, present: boolean): boolean {
  writer.u8(present ? 1 : 0);
  return present;
}

function writePallet(w: ScaleWriter, pallet: Pallet, types: PortableTypes, codecs: CodecRegistry, version: 14 | 15) {
  w.text(pallet.name);
  if (writeOption(w, pallet.storage !== undefined)) {
    const items = Object.values(pallet.storage!);
    w.text(pallet.name).compact(items.length);
    for (const item of items) writeStorageItem(w, item, types, codecs);
  }
  if (writeOption(w, pallet.calls !== undefined)) w.compact(types.id(`${pallet.name}Call`));
  if (writeOption(w, pallet.events !== undefined)) w.compact(types.id(`${pallet.name}Event`));
  const constants = Object.entries(pallet.constants ?? {});
  w.compact(constants.length);
  for (const [name, [type, value]] of constants) {
    w.text(name).compact(types.id(type)).bytes(codecs.encode(type, value)).compact(0);
  }
  if (writeOption(w, pallet.errors !== undefined)) w.compact(types.id(`${pallet.name}Error`));
  w.u8(pallet.index);
  if (version === 15) w.compact(0);
}

function writeStorageItem(w: ScaleWriter, item: AnyStorageItem, types: PortableTypes, codecs: CodecRegistry): void {
  const optional = item.fallback === undefined;
  w.text(item.name).u8(optional ? 0 : 1);
  if (item.keys.length === 0) {
    w.u8(0).compact(types.id(item.type));
  } else {
    w.u8(1).compact(item.keys.length);
    for (const [hasher] of item.keys) w.u8(HASHERS[hasher]);
    const keyTypes = item.keys.map(([, type]) => type);
    w.compact(types.id(keyTypes.length === 1 ? keyTypes[0]! : `(${keyTypes.join(',')})`)).compact(types.id(item.type));
  }
  w.bytes(optional ? Uint8Array.of(0) : codecs.encode(item.type, item.fallback)).compact(0);
}

function writeExtrinsic(w: ScaleWriter, types: PortableTypes, version: 14 | 15): void {
  if (version === 14) w.compact(types.id('UncheckedExtrinsic')).u8(4);
  else {
    w.u8(4);
    for (const type of ['MultiAddress', 'RuntimeCall', 'MultiSignature', SIGNED_EXTRA]) w.compact(types.id(type));
  }
  w.compact(SIGNED_EXTENSIONS.length);
  for (const [identifier, extra, implicit] of SIGNED_EXTENSIONS) {
    w.text(identifier).compact(types.id(extra)).compact(types.id(implicit));
  }
}

function writeApis(w: ScaleWriter, apis: readonly RuntimeApi[], types: PortableTypes): void {
  w.compact(apis.length);
  for (const api of apis) {
    const methods = Object.entries(api.methods);
    w.text(api.name).compact(methods.length);
    for (const [name, method] of methods) {
      const inputs = Object.entries(method.inputs);
      w.text(name).compact(inputs.length);
      for (const [input, type] of inputs) w.text(input).compact(types.id(type));
      w.compact(types.id(method.output)).compact(0);
    }
    w.compact(0);
  }
}
