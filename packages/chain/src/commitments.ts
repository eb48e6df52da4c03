import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, ChainCommitment, CommitArgs } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError } from './chain-error.ts';
import type { ChainState } from './chain-state.ts';
import { account, parseValue, uint } from './chain-values.ts';
import { encodeFields, registrationRow } from './commitment-fields.ts';
import type { ChainEvent } from './events.ts';

export async function readCommitment(
  state: ChainState,
  netuid: number,
  hotkey: string,
): Promise<{ block: number; fields: string[] } | undefined> {
  return (await state.read(registrationRow.nullable(), 'commitments', 'commitmentOf', netuid, hotkey)) ?? undefined;
}

/** All slots of a subnet, newest first. One odd row must not hide the others: it is left out. */
export async function readCommitments(state: ChainState, netuid: number): Promise<ChainCommitment[]> {
  const row = registrationRow.nullish().catch(undefined);
  const rows = await state.rows(account, row, 'commitments', 'commitmentOf', netuid);
  return [...rows]
    .flatMap(([hotkey, found]) => (found ? [{ hotkey, ...found }] : []))
    .sort((a, b) => b.block - a.block);
}

/**
 * Writes a commitment and reads it back in its block.
 * @throws BadInputError `COMMITMENT_INVALID`; ChainError, e.g. `ACCOUNT_NOT_ALLOWED_COMMIT` (not registered),
 * `SPACE_LIMIT_EXCEEDED` (the epoch's quota), `COMMITMENT_MISMATCH`; as `submit`.
 */
export async function commit(
  context: ChainContext,
  { netuid, hotkey, fields }: CommitArgs,
  options: CallOptions = {},
): Promise<BlockRef> {
  const call = { pallet: 'commitments', call: 'setCommitment', args: [netuid, encodeFields(fields)] };
  const { block } = await context.submit(call, hotkey, options);
  const written = await context.read(
    `the commitment of ${hotkey.address}`,
    (state) => readCommitment(state, netuid, hotkey.address),
    { at: block.hash, signal: options.signal },
  );
  if (written?.block !== block.number || JSON.stringify(written.fields) !== JSON.stringify(fields)) {
    throw new ChainError(
      'COMMITMENT_MISMATCH',
      `set_commitment succeeded in block ${block.number}, but the chain holds another commitment of ${hotkey.address} there: try again`,
      { details: { block: block.number } },
    );
  }
  return block;
}

/** The commitments made in one block, from its events and the slots as they were right then. */
export async function commitmentsIn(
  state: ChainState,
  events: readonly ChainEvent[],
  netuid: number,
  block: BlockRef,
): Promise<ChainCommitment[]> {
  const hotkeys = new Set<string>();
  for (const event of events) {
    if (event.pallet !== 'commitments' || event.name !== 'Commitment') continue;
    const [where, who] = parseValue(z.tuple([uint, account]), event.data, 'event commitments.Commitment');
    if (where === netuid) hotkeys.add(who);
  }
  const rows = await Promise.all([...hotkeys].map((hotkey) => readCommitment(state, netuid, hotkey)));
  return [...hotkeys].flatMap((hotkey, at) => {
    const row = rows[at];
    return row ? [{ hotkey, block: block.number, fields: row.fields }] : [];
  });
}
