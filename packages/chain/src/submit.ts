import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { errorCode, type Logger, type Signer, sleep, TransientError, withDeadline } from '@tuning/kit';
import type { AccountQueue, Turn } from './account-queue.ts';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions } from './chain.ts';
import { unsupported } from './chain-state.ts';
import { parseValue, uint } from './chain-values.ts';
import type { Connection } from './connection.ts';
import type { ChainEvent } from './events.ts';
import type { FinalisedHeads } from './finalised-heads.ts';
import { orAborted } from './or-aborted.ts';
import type { Session } from './session.ts';
import { finalBlock, isOutdated, outcome } from './transaction-fate.ts';
import { LOST_WATCH, offer, type SignedTransaction, type Watch } from './transaction-watch.ts';

const DEFAULT_DEADLINE_MS = 120_000;
/**
 * Blocks during which a transaction may be included (a power of two): the Python SDK's period. Afterwards it can never
 * be, so a lost one has a certain end.
 */
const MORTAL_BLOCKS = 128;
/** Refusals that a fresh nonce, a fresh birth block or fresh metadata may cure. */
const MAY_PASS = new Set(['STALE', 'FUTURE', 'BAD_PROOF', 'ANCIENT_BIRTH_BLOCK', 'PRIORITY_TOO_LOW']);
/** Fresh nonce and fresh runtime version are tried this often when the pool calls ours stale. */
const STALE_TRIES = 3;
/** Runtime upgrades under one transaction that are followed. */
const UPGRADES = 2;

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
  let sent: SignedTransaction | undefined;
  return withDeadline(
    name,
    ms,
    async (signal) => {
      for (let upgrades = 0; ; upgrades++) {
        const turn = await context.accounts.turn(signer.address, signal);
        try {
          const { transaction, watch } = await send(context, call, signer, turn, signal, (now) => {
            sent = now;
          });
          const block = await finalBlock(context, transaction, watch, () => turn.release(), signal);
          return await outcome(context, block, transaction, signal);
        } catch (error) {
          // Whatever went wrong, the next writer reads the account's nonce afresh.
          context.accounts.forget(turn);
          if (!isOutdated(error) || upgrades >= UPGRADES) throw error;
          sent = undefined;
          context.logger.info(
            { call: name },
            'the runtime was upgraded before the transaction was in a block: signing it anew',
          );
        } finally {
          turn.release();
        }
      }
    },
    options.signal,
  ).catch((error: unknown) => {
    if (!sent || errorCode(error) !== 'DEADLINE_EXCEEDED') throw error;
    throw new TransientError(
      'TRANSACTION_OUTCOME_UNKNOWN',
      `${name} was sent but not seen in a finalised block within ${ms} ms: read the chain before sending it again`,
      { cause: error, details: { nonce: sent.nonce, address: signer.address } },
    );
  });
}

/** `onSent` gets the transaction before its bytes leave, and undefined when the pool has refused it. */
async function send(
  { connection, heads, accounts, logger }: SubmitContext,
  call: TransactionCall,
  signer: Signer,
  turn: Turn,
  signal: AbortSignal,
  onSent: (transaction: SignedTransaction | undefined) => void,
): Promise<{ transaction: SignedTransaction; watch: Watch }> {
  const name = `${call.pallet}.${call.call}`;
  for (let attempt = 1; ; ) {
    const session = await orAborted(connection.session(), signal);
    const { closed } = session.socket;
    const build = session.api.tx[call.pallet]?.[call.call];
    if (!build) throw unsupported(session, `call ${name}`);
    let transaction: SignedTransaction;
    try {
      const read = accounts.nonce(turn, () => readNonce(session, signer.address));
      const nonce = await orAborted(read, closed, signal);
      const { specVersion } = session;
      transaction = { name, nonce, specVersion, ...sign(session, build(...call.args), signer, nonce, heads.head) };
    } catch (error) {
      // Nothing was sent yet: a lost connection costs only the wait for the next.
      if (!closed.aborted || signal.aborted || connection.ended.aborted) throw error;
      continue;
    }
    onSent(transaction);
    const answer = await offer(session, transaction, signal);
    if (answer.kind !== 'refused') {
      accounts.used(turn, transaction.nonce);
      return { transaction, watch: answer.kind === 'taken' ? answer.watch : LOST_WATCH };
    }
    onSent(undefined);
    accounts.forget(turn);
    const { refusal } = answer;
    if (!MAY_PASS.has(refusal.code) || attempt++ >= STALE_TRIES) throw refusal;
    const context = { call: name, nonce: transaction.nonce, refusal: refusal.code };
    logger.debug(context, 'the pool refused the nonce or the version, reading them again');
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
): Pick<SignedTransaction, 'hex' | 'birth' | 'last'> {
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
  return { hex: signed.toHex(), birth: birth.number, last: birth.number + MORTAL_BLOCKS };
}
