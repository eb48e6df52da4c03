import type { Codec, Registry } from '@polkadot/types/types';
import { z } from 'zod';
import { storageEntry } from './chain-state.ts';
import { parseValue } from './chain-values.ts';
import type { Session } from './session.ts';
import { decodeValue, readValues } from './storage-read.ts';

/** One entry of System.Events. */
export interface ChainEvent {
  /** Index of the extrinsic in the block that caused it; undefined for the block's own. */
  extrinsic: number | undefined;
  /** camelCase, e.g. `subtensorModule`. */
  pallet: string;
  /** As in the metadata, e.g. `NeuronRegistered`. */
  name: string;
  /** Arguments in their order, as `toJSON()` gives them. */
  data: unknown[];
  /** The decoded error of `system.ExtrinsicFailed`. */
  failure: DispatchFailure | undefined;
}

export interface DispatchFailure {
  module: string;
  name: string;
  docs: string;
}

/** `sp_runtime::DispatchError` as polkadot.js decodes it. */
interface DispatchError extends Codec {
  readonly registry: Registry;
  readonly type: string;
  readonly value?: unknown;
  readonly isModule: boolean;
  readonly asModule: Codec & Parameters<Registry['findMetaError']>[0];
}

interface EventRecord {
  phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: { toNumber(): number } };
  event: { section: string; method: string; data: Codec[] & { toJSON(): unknown } };
}

/** All events of the block `hash`, decoded with that block's own metadata. */
export async function readEvents(session: Session, hash: string): Promise<ChainEvent[]> {
  const at = await session.api.at(hash);
  const entry = storageEntry(session, at, 'system', 'events');
  const [stored] = await readValues(session, hash, [entry.key()]);
  const records = decodeValue(at.registry, entry, stored ?? null, 'system.events') as unknown as EventRecord[];
  return records.map(({ phase, event }) => ({
    extrinsic: phase.isApplyExtrinsic ? phase.asApplyExtrinsic.toNumber() : undefined,
    pallet: event.section,
    name: event.method,
    data: parseValue(z.array(z.unknown()), event.data.toJSON(), `event ${event.section}.${event.method}`),
    failure:
      event.section === 'system' && event.method === 'ExtrinsicFailed' ? decodeFailure(event.data[0]) : undefined,
  }));
}

/** Kinds of DispatchError that have kinds of their own. */
const kinds = new Set(['Token', 'Arithmetic', 'Transactional']);

function decodeFailure(codec: Codec | undefined): DispatchFailure {
  const error = codec as DispatchError | undefined;
  if (error?.isModule) {
    try {
      const meta = error.registry.findMetaError(error.asModule);
      return { module: meta.section, name: meta.name, docs: meta.docs.join(' ').trim() };
    } catch {
      return { module: 'unknown', name: 'UnknownModuleError', docs: JSON.stringify(error.asModule.toJSON()) };
    }
  }
  const kind = error?.type ?? 'Other';
  const inner = kinds.has(kind) && error?.value !== undefined ? `.${String(error.value)}` : '';
  return { module: 'system', name: `${kind}${inner}`, docs: '' };
}
