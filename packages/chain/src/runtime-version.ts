import { z } from 'zod';
import { parseValue } from './chain-values.ts';
import type { Session } from './session.ts';

const runtimeVersion = z.object({ specVersion: z.number().int() });
/** Blocks whose version is remembered, of each session; reads are of the newest few. */
const MAX_BLOCKS = 64;
const known = new WeakMap<Session, Map<string, Promise<number>>>();

/**
 * The version of the runtime that answers calls on the state of block `at`, asked of the endpoint once for each block.
 * @throws what the socket throws; BadInputError `CHAIN_UNEXPECTED_VALUE`.
 */
export function specVersionAt(session: Session, at: string): Promise<number> {
  const blocks = known.get(session) ?? new Map<string, Promise<number>>();
  known.set(session, blocks);
  const before = blocks.get(at);
  if (before) return before;
  const asked = session.socket
    .request('state_getRuntimeVersion', [at])
    .then((answer) => parseValue(runtimeVersion, answer, 'runtime version').specVersion);
  // What failed is asked again; whoever waits for it is told, and a look ahead has nobody who waits.
  asked.catch(() => blocks.delete(at));
  if (blocks.size >= MAX_BLOCKS) blocks.delete(blocks.keys().next().value!);
  blocks.set(at, asked);
  return asked;
}
