import { CodecRegistry, type NamedType } from '../../scale/codec.ts';
import { SIGNED_EXTRA } from './metadata/signed-extensions.ts';
import { PALLETS } from './pallets/index.ts';
import { INFO_TYPES } from './runtime-apis/info-types.ts';
import { RUNTIME_API_TYPES } from './runtime-apis/types.ts';
import { SCALE_TYPES } from './scale-types.ts';

type Rows = Extract<NamedType, { form: 'variant' }>['variants'];

const variant = (path: string, variants: Rows, params?: Readonly<Record<string, null>>): NamedType => ({
  form: 'variant',
  path,
  variants,
  ...(params ? { params } : {}),
});

function outer(name: 'Call' | 'Event' | 'Error', has: (pallet: (typeof PALLETS)[number]) => unknown): NamedType {
  const rows = PALLETS.filter(has).map((pallet) => [pallet.name, pallet.index, [`${pallet.name}${name}`]] as const);
  return variant(`node_subtensor_runtime::Runtime${name}`, rows);
}

/** Call, Event and Error of each pallet, and the runtime's enums over them. */
function palletTypes(): Record<string, NamedType> {
  const types: Record<string, NamedType> = {};
  for (const { name, path, calls, events, errors } of PALLETS) {
    if (calls) {
      const rows = Object.entries(calls).map(([call, { index, args }]) => [call, index, args] as const);
      types[`${name}Call`] = variant(`${path}::Call`, rows, { T: null });
    }
    if (events) types[`${name}Event`] = variant(`${path}::Event`, events, { T: null });
    if (errors) {
      const rows = errors.map((error, index) => [error, index, []] as const);
      types[`${name}Error`] = variant(`${path}::Error`, rows, { T: null });
    }
  }
  return types;
}

/** Every type of the runtime's metadata. */
export const runtimeCodecs = new CodecRegistry({
  ...SCALE_TYPES,
  ...RUNTIME_API_TYPES,
  ...INFO_TYPES,
  ...palletTypes(),
  RuntimeCall: outer('Call', (pallet) => pallet.calls),
  RuntimeEvent: outer('Event', (pallet) => pallet.events),
  RuntimeError: outer('Error', (pallet) => pallet.errors),
  EventRecord: {
    form: 'composite',
    path: 'frame_system::EventRecord',
    params: { E: 'RuntimeEvent', T: 'H256' },
    fields: { phase: 'Phase', event: 'RuntimeEvent', topics: 'Vec<H256>' },
  },
  UncheckedExtrinsic: {
    form: 'composite',
    path: 'sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic',
    params: { Address: 'MultiAddress', Call: 'RuntimeCall', Signature: 'MultiSignature', Extra: SIGNED_EXTRA },
    fields: ['Bytes'],
  },
  Runtime: { form: 'composite', path: 'node_subtensor_runtime::Runtime', fields: [] },
});
