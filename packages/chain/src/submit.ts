import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { type Logger, type Signer, sleep, TransientError, withDeadline } from '@tuning/kit';
import { z } from 'zod';
import type { AccountQueue, Turn } from './account-queue.ts';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions } from './chain.ts';
import { type ChainError, dispatchFailure, poolRejection } from './chain-error.ts';
import { unsupported } from './chain-state.ts';
import { blockHash, parseValue, uint } from './chain-values.ts';
import type { Connection } from './connection.ts';
import { type ChainEvent, readEvents } from './events.ts';
import type { FinalisedHeads } from './finalised-heads.ts';
import { orAborted } from './or-aborted.ts';
import { RpcError } from './rpc-socket.ts';
import type { Session } from './session.ts';
import { followStatus, type Watch } from './transaction-watch.ts';

const DEFAULT_DEADLINE_MS = 120_000;
/**
 * Blocks during which a transaction may be included (a power of two): the Python SDK's period. Afterwards it can never
 * be, so a lost one has a certain end.
 */
const MORTAL_BLOCKS = 128;
/** Fresh nonce and fresh runtime version are tried this often when the pool calls ours stale. */
const STALE_TRIES = 3;

export interface TransactionCall {
  /** camelCase, e.g. `subtensorModule`. */
  pallet: string;
  call: string;
  args: readonly unknown[];
}

export interface IncludedTransaction {
  /** Finalised. */
  block: BlockRef;
  /** The events of this transaction alone. */
  events: ChainEvent[];
}

export interface SubmitContext {
  connection: Connection;
  heads: FinalisedHeads;
  accounts: AccountQueue;
  logger: Logger;
}

interface Sent {
  hex: string;
  nonce: number;
  /** Number of the block in which the era begins. */
  birth: number;
  watch: Watch;
}

/**
 * Signs, submits and watches a call until it is in a finalised block and has succeeded there.
 * @throws ChainError when the chain refuses it; OperatorError `CHAIN_UNSUPPORTED`; TransientError
 * `TRANSACTION_NOT_INCLUDED` (certain: may be sent again), `TRANSACTION_OUTCOME_UNKNOWN` (look before sending again);
 * the signal's reason.
 */
export function submit(
  context: SubmitContext,
  call: TransactionCall,
  signer: Signer,
  options: CallOptions = {},
): Promise<IncludedTransaction> {
  const name = `${call.pallet}.${call.call}`;
  const ms = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  let sent: Sent | undefined;
  return withDeadline(
    name,
    ms,
    async (signal) => {
      const turn = await context.accounts.turn(signer.address, signal);
      try {
        sent = await send(context, call, signer, turn, signal);
        const block = await finalBlock(context, sent, turn, name, signal);
        return await outcome(context, block, sent.hex, name, signal);
      } catch (error) {
        // Whatever went wrong, the next writer reads the account's nonce afresh.
        context.accounts.forget(turn);
        throw error;
      } finally {
        sent?.watch.stop();
        turn.release();
      }
    },
    options.signal,
  ).catch((error: unknown) => {
    if (!sent || (error as { code?: unknown }).code !== 'DEADLINE_EXCEEDED') throw error;
    throw new TransientError(
      'TRANSACTION_OUTCOME_UNKNOWN',
      `${name} was sent but not seen in a finalised block within ${ms} ms: read the chain before sending it again`,
      { cause: error, details: { nonce: sent.nonce, address: signer.address } },
    );
  });
}

async function send(
  { connection, heads, accounts, logger }: SubmitContext,
  call: TransactionCall,
  signer: Signer,
  turn: Turn,
  signal: AbortSignal,
): Promise<Sent> {
  const name = `${call.pallet}.${call.call}`;
  for (let attempt = 1; ; attempt++) {
    const session = await connection.session();
    signal.throwIfAborted();
    const build = session.api.tx[call.pallet]?.[call.call];
    if (!build) throw unsupported(session, `call ${name}`);
    let refusal: ChainError;
    let nonce: number;
    let transaction: { hex: string; birth: number };
    try {
      nonce = await orAborted(
        accounts.nonce(turn, () => readNonce(session, signer.address)),
        session.socket.closed,
      );
      transaction = sign(session, build(...call.args), signer, nonce, heads.head);
    } catch (error) {
      // Nothing was sent yet: a lost connection costs only the wait for the next.
      if (!session.socket.closed.aborted || connection.ended.aborted) throw error;
      continue;
    }
    signal.throwIfAborted();
    const { hex, birth } = transaction;
    try {
      const watch = await followStatus(session, hex);
      accounts.used(turn, nonce);
      return { hex, nonce, birth, watch };
    } catch (error) {
      if (session.socket.closed.aborted) {
        // The node may or may not have it: the search in the blocks will tell.
        return {
          hex,
          nonce,
          birth,
          watch: { ended: Promise.resolve({ kind: 'lost' }), included: Promise.resolve(), stop() {} },
        };
      }
      if (!(error instanceof RpcError)) throw error;
      const found = poolRejection(error, name);
      if (!found)
        throw new TransientError('CHAIN_RPC_ERROR', `${name}: the node answered ${error.code} ${error.message}`);
      refusal = found;
    }
    accounts.forget(turn);
    const mayPass = ['STALE', 'FUTURE', 'BAD_PROOF', 'ANCIENT_BIRTH_BLOCK', 'PRIORITY_TOO_LOW'].includes(refusal.code);
    if (!mayPass || attempt >= STALE_TRIES) throw refusal;
    logger.debug(
      { call: name, nonce, refusal: refusal.code },
      'the pool refused the nonce or the version, reading them again',
    );
    await sleep(200 * attempt, signal);
  }
}

async function readNonce(session: Session, address: string): Promise<number> {
  return parseValue(uint, await session.socket.request('system_accountNextIndex', [address]), 'account nonce');
}

function sign(
  session: Session,
  extrinsic: SubmittableExtrinsic<'promise'>,
  signer: Signer,
  nonce: number,
  birth: BlockRef,
): { hex: string; birth: number } {
  const { api } = session;
  const SR25519 = 1;
  const pair = {
    address: signer.address,
    addressRaw: signer.publicKey,
    publicKey: signer.publicKey,
    sign: (message: Uint8Array) => Uint8Array.from([SR25519, ...signer.sign(message)]),
  };
  const signed = extrinsic.sign(
    pair as unknown as Parameters<typeof extrinsic.sign>[0],
    {
      nonce,
      era: api.registry.createType('ExtrinsicEra', { current: birth.number, period: MORTAL_BLOCKS }),
      blockHash: birth.hash,
      genesisHash: api.genesisHash,
      runtimeVersion: api.runtimeVersion,
    } as unknown as Parameters<typeof extrinsic.sign>[1],
  );
  return { hex: signed.toHex(), birth: birth.number };
}

/** The finalised block that holds the transaction, from the node's watch or, when that is lost, by looking. */
async function finalBlock(
  { connection, heads, logger }: SubmitContext,
  sent: Sent,
  turn: Turn,
  name: string,
  signal: AbortSignal,
): Promise<BlockRef> {
  void sent.watch.included.then(() => turn.release());
  const end = await orAborted(sent.watch.ended, signal);
  if (end.kind === 'refused') {
    throw new TransientError(
      'TRANSACTION_NOT_INCLUDED',
      `${name} left the pool without being included (${end.status}): it may be sent again`,
    );
  }
  if (end.kind === 'final') {
    const header = await connection.run(
      `the header of ${end.hash}`,
      (session) => session.socket.request('chain_getHeader', [end.hash]),
      { signal },
    );
    const block = { number: parseValue(headerNumber, header, 'block header').number, hash: end.hash };
    heads.advance(block);
    return block;
  }
  logger.info({ call: name, nonce: sent.nonce }, 'lost sight of a transaction, looking for it in the finalised blocks');
  const last = sent.birth + MORTAL_BLOCKS;
  for (let number = sent.birth + 1; number <= last; number++) {
    await heads.waitFor(number, { signal });
    const block = { number, hash: await heads.hashOf(number) };
    if ((await extrinsicsOf(connection, block.hash, signal)).includes(sent.hex)) return block;
  }
  throw new TransientError(
    'TRANSACTION_NOT_INCLUDED',
    `${name} is in none of the blocks ${sent.birth + 1} to ${last} and can no longer be: it may be sent again`,
  );
}

async function outcome(
  { connection }: SubmitContext,
  block: BlockRef,
  hex: string,
  name: string,
  signal: AbortSignal,
): Promise<IncludedTransaction> {
  const index = (await extrinsicsOf(connection, block.hash, signal)).indexOf(hex);
  const all = await connection.run(`the events of block ${block.number}`, (s) => readEvents(s, block.hash), { signal });
  const events = all.filter((event) => event.extrinsic === index);
  const failure = events.find((event) => event.failure)?.failure;
  if (failure) throw dispatchFailure(failure, name, block.number);
  return { block, events };
}

const headerNumber = z.object({ number: uint });
const blockSchema = z.object({ block: z.object({ extrinsics: z.array(z.string()) }) });

async function extrinsicsOf(connection: Connection, hash: string, signal: AbortSignal): Promise<string[]> {
  const block = await connection.run(`block ${hash}`, (session) => session.socket.request('chain_getBlock', [hash]), {
    signal,
  });
  parseValue(blockHash, hash, 'block hash');
  return parseValue(blockSchema, block, 'block').block.extrinsics;
}
