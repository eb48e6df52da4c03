import type { Logger, Signer } from '@tuning/kit';
import { errorMessage } from '@tuning/kit';
import { z } from 'zod';
import { AccountQueue } from './account-queue.ts';
import { readBurn, readFreeBalance, transfer } from './balance.ts';
import type { BlockRef } from './block-ref.ts';
import { BlockTime } from './block-time.ts';
import { walkBlocks } from './block-walk.ts';
import type {
  AtBlock,
  CallOptions,
  Chain,
  ChainCommitment,
  CommitArgs,
  ReadOptions,
  RegisterArgs,
  RevealWeightsArgs,
  ServeArgs,
  SetWeightsArgs,
  SetWeightsResult,
  TransferArgs,
  WatchCommitmentsArgs,
} from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { type ChainState, stateAt } from './chain-state.ts';
import { parseValue, uint } from './chain-values.ts';
import { commitmentCallsOf } from './commitment-bodies.ts';
import { CommitmentRecovery } from './commitment-recovery.ts';
import { commit, commitmentsIn, readCommitment, readCommitments } from './commitments.ts';
import type { Connection } from './connection.ts';
import { type EpochClock, readEpochClock } from './epoch-clock.ts';
import { readEvents } from './events.ts';
import type { FinalisedHeads } from './finalised-heads.ts';
import { HeadWatchdog, SILENCE_MS } from './head-watchdog.ts';
import { type Hyperparameters, readHyperparameters } from './hyperparameters.ts';
import { type Metagraph, readMetagraph } from './metagraph.ts';
import { readMetagraphRaw } from './metagraph-raw.ts';
import { register } from './registration.ts';
import { serve } from './serving.ts';
import type { Session } from './session.ts';
import { setWeights } from './set-weights.ts';
import { type IncludedTransaction, submit, type TransactionCall } from './submit.ts';
import { readSubnetExists, readUid } from './subnet.ts';
import { readWeightCommits, type WeightCommit } from './weight-commits.ts';
import { readLastUpdate, readWeights } from './weights.ts';
import { revealWeights } from './weights-hashed.ts';
import { readDrandRound } from './weights-timelocked.ts';

export interface WatchdogLimits {
  silenceMs: number | undefined;
  headTimeoutMs: number | undefined;
}

/** The client over one {@link Connection}; reads default to the newest finalised block. */
export class SubtensorChain implements Chain, ChainContext {
  readonly genesisHash: string;
  readonly #connection: Connection;
  readonly #heads: FinalisedHeads;
  readonly #accounts = new AccountQueue();
  readonly #blockTime: BlockTime;
  readonly #watchdog: HeadWatchdog;
  readonly #logger: Logger;

  /** `heads` follows `connection`, which is open. */
  constructor(connection: Connection, heads: FinalisedHeads, logger: Logger, limits: WatchdogLimits) {
    this.#connection = connection;
    this.#heads = heads;
    this.#logger = logger;
    this.genesisHash = connection.latest.genesisHash;
    this.#blockTime = new BlockTime(connection.latest, this, this.#heads);
    this.#watchdog = new HeadWatchdog(
      connection,
      this.#heads,
      limits.silenceMs ?? SILENCE_MS,
      () => limits.headTimeoutMs ?? Math.max(30_000, 10 * this.blockTimeMs),
    );
  }

  async start(): Promise<void> {
    this.#connection.onSession((session) => {
      this.#accounts.forgetAll();
      void this.#followRuntime(session);
    });
    await this.#blockTime.start();
    this.#watchdog.start();
  }

  get specName(): string {
    return this.#connection.latest.specName;
  }

  get specVersion(): number {
    return this.#connection.latest.specVersion;
  }

  get head(): BlockRef {
    return this.#heads.head;
  }

  get blockTimeMs(): number {
    return this.#blockTime.ms;
  }

  hasCall(pallet: string, call: string): boolean {
    return this.#connection.latest.api.tx[pallet]?.[call] !== undefined;
  }

  read<T>(
    what: string,
    work: (state: ChainState) => Promise<T>,
    { at, signal }: { at?: string | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    return this.#connection.run(what, async (session) => work(await stateAt(session, at ?? this.head.hash)), {
      signal,
    });
  }

  submit(call: TransactionCall, signer: Signer, options?: CallOptions): Promise<IncludedTransaction> {
    const context = {
      connection: this.#connection,
      heads: this.#heads,
      accounts: this.#accounts,
      logger: this.#logger,
    };
    return submit(context, call, signer, options);
  }

  blockHash(number: number, options?: ReadOptions): Promise<string> {
    return this.#heads.hashOf(number, options);
  }

  onFinalised(handler: (block: BlockRef) => void): () => void {
    return this.#heads.on(handler);
  }

  waitForBlock(number: number, options?: { signal?: AbortSignal; ms?: number }): Promise<BlockRef> {
    return this.#heads.waitFor(number, options);
  }

  subnetExists(netuid: number, options?: ReadOptions): Promise<boolean> {
    return this.read(`whether subnet ${netuid} exists`, (state) => readSubnetExists(state, netuid), options);
  }

  async metagraph(netuid: number, options: AtBlock = {}): Promise<Metagraph> {
    const { head } = this;
    const at = options.at ?? head.hash;
    return this.#connection.run(
      `the metagraph of subnet ${netuid}`,
      async (session) => {
        const fast = await readMetagraphRaw(session, netuid, at);
        if (fast) return fast;
        const state = await stateAt(session, at);
        const number = options.at === undefined ? head.number : await state.read(uint, 'system', 'number');
        return readMetagraph(state, netuid, { number, hash: at });
      },
      { signal: options.signal },
    );
  }

  hyperparameters(netuid: number, options?: ReadOptions): Promise<Hyperparameters> {
    return this.read(`the rules of subnet ${netuid}`, (state) => readHyperparameters(state, netuid), options);
  }

  uidOf(netuid: number, hotkey: string, options?: ReadOptions): Promise<number | undefined> {
    return this.read(`the uid of ${hotkey}`, (state) => readUid(state, netuid, hotkey), options);
  }

  balance(address: string, options?: ReadOptions): Promise<bigint> {
    return this.read(`the balance of ${address}`, (state) => readFreeBalance(state, address), options);
  }

  burn(netuid: number, options?: ReadOptions): Promise<bigint> {
    return this.read(`the registration price of subnet ${netuid}`, (state) => readBurn(state, netuid), options);
  }

  register(args: RegisterArgs, options?: CallOptions): Promise<{ uid: number; burned: bigint; block: BlockRef }> {
    return register(this, args, options);
  }

  serve(args: ServeArgs, options?: CallOptions): Promise<{ block: BlockRef; changed: boolean }> {
    return serve(this, args, options);
  }

  commit(args: CommitArgs, options?: CallOptions): Promise<BlockRef> {
    return commit(this, args, options);
  }

  commitment(
    netuid: number,
    hotkey: string,
    options?: AtBlock,
  ): Promise<{ block: number; fields: string[] } | undefined> {
    return this.read(`the commitment of ${hotkey}`, (state) => readCommitment(state, netuid, hotkey), options);
  }

  commitments(netuid: number, options: AtBlock = {}): Promise<ChainCommitment[]> {
    return this.read(`the commitments of subnet ${netuid}`, (state) => readCommitments(state, netuid), options);
  }

  watchCommitments({ netuid, fromBlock, onBlock, signal }: WatchCommitmentsArgs): Promise<void> {
    const end = new AbortController();
    const stop = () => end.abort();
    for (const one of [signal, this.#connection.ended]) {
      if (one.aborted) stop();
      one.addEventListener('abort', stop, { once: true });
    }
    const hashOf = (number: number) => this.blockHash(number);
    const callsOf = (block: BlockRef) => commitmentCallsOf(this.#connection, netuid, block);
    const recovery = new CommitmentRecovery({ context: this, netuid, hashOf, callsOf, logger: this.#logger });
    return walkBlocks<ChainCommitment[]>({
      fromBlock,
      waitFor: (number, own) => this.#heads.waitFor(number, { signal: own }),
      hashOf,
      read: (block) =>
        this.#connection.run(`the commitments of block ${block.number}`, async (session) => {
          const events = await readEvents(session, block.hash);
          return commitmentsIn(await stateAt(session, block.hash), events, netuid, block);
        }),
      recover: (from, head) => recovery.recover(from, head),
      onBlock,
      signal: end.signal,
      logger: this.#logger,
    }).finally(() => {
      for (const one of [signal, this.#connection.ended]) one.removeEventListener('abort', stop);
    });
  }

  setWeights(args: SetWeightsArgs, options?: CallOptions): Promise<SetWeightsResult> {
    return setWeights(this, args, options);
  }

  revealWeights(
    args: RevealWeightsArgs,
    options?: CallOptions,
  ): Promise<{ block: BlockRef; uids: number[]; values: number[] }> {
    return revealWeights(this, args, options);
  }

  weightCommits(netuid: number, hotkey: string, options?: AtBlock): Promise<WeightCommit[]> {
    return this.#readNumbered(`the weight commits of ${hotkey}`, options, async (state, number) =>
      readWeightCommits(state, netuid, hotkey, await readEpochClock(state, netuid, number)),
    );
  }

  drandRound(options: AtBlock = {}): Promise<number> {
    return this.read('the newest drand round', (state) => readDrandRound(state), options);
  }

  epochs(netuid: number, options?: AtBlock): Promise<EpochClock> {
    return this.#readNumbered(`the epochs of subnet ${netuid}`, options, (state, number) =>
      readEpochClock(state, netuid, number),
    );
  }

  weights(netuid: number, uid: number, options: AtBlock = {}): Promise<{ uid: number; value: number }[]> {
    return this.read(`the weights of uid ${uid}`, (state) => readWeights(state, netuid, uid), options);
  }

  lastUpdate(netuid: number, uid: number, options?: ReadOptions): Promise<number> {
    return this.read(`the last update of uid ${uid}`, (state) => readLastUpdate(state, netuid, uid), options);
  }

  transfer(args: TransferArgs, options?: CallOptions): Promise<BlockRef> {
    return transfer(this, args, options);
  }

  async close(): Promise<void> {
    this.#watchdog.stop();
    this.#connection.close();
  }

  /** Reads that need the number of their block, too. */
  #readNumbered<T>(
    what: string,
    { at, signal }: AtBlock = {},
    work: (state: ChainState, number: number) => Promise<T>,
  ): Promise<T> {
    const { head } = this;
    return this.read(
      what,
      async (state) => work(state, at === undefined ? head.number : await state.read(uint, 'system', 'number')),
      { at: at ?? head.hash, signal },
    );
  }

  /** A runtime upgrade changes types: the next session reads the new metadata. */
  async #followRuntime(session: Session): Promise<void> {
    const version = z.looseObject({ specVersion: uint });
    try {
      await session.socket.subscribe('state_subscribeRuntimeVersion', [], 'state_unsubscribeRuntimeVersion', (item) => {
        const { specVersion } = parseValue(version, item, 'runtime version');
        if (specVersion === session.specVersion) return;
        this.#logger.info({ from: session.specVersion, to: specVersion }, 'the runtime was upgraded');
        this.#connection.drop(session, `runtime upgrade to ${specVersion}`, { stay: true });
      });
    } catch (error) {
      this.#logger.debug({ error: errorMessage(error) }, 'cannot follow runtime upgrades on this connection');
    }
  }
}
