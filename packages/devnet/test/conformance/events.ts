import type { EventRecord } from '@polkadot/types/interfaces';
import type { Client } from './client.ts';

/** Events of one block, as a scenario's outcome tells them. */
export interface BlockEvents {
  /** By index of the extrinsic. */
  readonly transactions: ReadonlyMap<number, TransactionEvents>;
  /** Of the hooks that run before and after the transactions. */
  readonly hooks: readonly string[];
}

export interface TransactionEvents {
  readonly result: string;
  readonly events: readonly string[];
  readonly fee: number;
}

/** Told as result and fee instead. */
const SUMMED_UP = new Set([
  'System.ExtrinsicSuccess',
  'System.ExtrinsicFailed',
  'TransactionPayment.TransactionFeePaid',
  'Sudo.Sudid',
]);

export function readEvents(client: Client, bytes: string | null): BlockEvents {
  const records = client.api.registry.createType('Vec<EventRecord>', bytes ?? '0x00') as unknown as EventRecord[];
  const byTransaction = new Map<number, EventRecord[]>();
  const hooks: string[] = [];
  for (const record of records) {
    if (!record.phase.isApplyExtrinsic) {
      hooks.push(text(client, record));
      continue;
    }
    const index = record.phase.asApplyExtrinsic.toNumber();
    byTransaction.set(index, [...(byTransaction.get(index) ?? []), record]);
  }
  const transactions = new Map([...byTransaction].map(([index, all]) => [index, sumUp(client, all)]));
  return { transactions, hooks };
}

function sumUp(client: Client, records: readonly EventRecord[]): TransactionEvents {
  let result = 'ok';
  for (const record of records) {
    const [first] = valuesOf(client, record);
    if (nameOf(record) === 'System.ExtrinsicFailed') result = errorText(first);
    if (nameOf(record) !== 'Sudo.Sudid') continue;
    const { err } = first as { err?: unknown };
    if (err !== undefined) result = errorText(err);
  }
  const paid = records.find((record) => nameOf(record) === 'TransactionPayment.TransactionFeePaid');
  const rest = withoutFee(client, records, paid).filter((record) => !SUMMED_UP.has(nameOf(record)));
  return {
    result,
    events: rest.map((record) => text(client, record)),
    fee: paid ? Number(valuesOf(client, paid)[1]) : 0,
  };
}

/** The fee goes out before the call, and what was too much comes back behind it; both are in `fee`. */
function withoutFee(client: Client, records: readonly EventRecord[], paid: EventRecord | undefined): EventRecord[] {
  const kept = [...records];
  if (!paid) return kept;
  const [payer, fee] = valuesOf(client, paid);
  const amountOf = (record: EventRecord | undefined, name: string): number | undefined => {
    if (!record || nameOf(record) !== name) return undefined;
    const [who, amount] = valuesOf(client, record);
    return who === payer ? Number(amount) : undefined;
  };
  const at = kept.indexOf(paid);
  // Spec 293 tells even of nothing that comes back.
  const deposit = amountOf(kept[at - 1], 'Balances.Deposit');
  const back = deposit ?? 0;
  const taken = kept.findIndex((record) => amountOf(record, 'Balances.Withdraw') === Number(fee) + back);
  if (taken < 0 || Number(fee) + back === 0) return kept;
  if (deposit !== undefined) kept.splice(at - 1, 1);
  kept.splice(taken, 1);
  return kept;
}

function nameOf({ event }: EventRecord): string {
  const meta = event.data as unknown as { section: string };
  return `${meta.section.replace(/^./, (letter) => letter.toUpperCase())}.${event.method}`;
}

function text(client: Client, record: EventRecord): string {
  const values = valuesOf(client, record);
  return values.length === 0 ? nameOf(record) : `${nameOf(record)}(${values.map(plain).join(', ')})`;
}

/** Numbers, nicknames, '0x…' and plain objects. */
function valuesOf(client: Client, { event }: EventRecord): unknown[] {
  const json = event.data.map((value) => value.toJSON());
  return json.map((value) => nameErrors(client, client.accounts.nameAll(value)));
}

/** { module: { index, error } } becomes the error's name. */
function nameErrors(client: Client, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => nameErrors(client, one));
  if (value === null || typeof value !== 'object') return value;
  const { module } = value as { module?: { index: number; error: string } };
  if (module !== undefined && typeof module === 'object') {
    const { section, name } = client.api.registry.findMetaError(
      Uint8Array.of(module.index, Number.parseInt(module.error.slice(2, 4), 16)),
    );
    return { error: `${section.replace(/^./, (letter) => letter.toUpperCase())}.${name}` };
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, nameErrors(client, one)]));
}

function errorText(error: unknown): string {
  if (typeof error === 'string') return error;
  const named = error as Record<string, unknown>;
  if (typeof named['error'] === 'string') return named['error'];
  const [[kind, detail]] = Object.entries(named) as [[string, unknown]];
  const name = kind.replace(/^./, (letter) => letter.toUpperCase());
  return detail === null ? name : `${name} ${plain(detail)}`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
