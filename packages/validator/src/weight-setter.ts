import type { Chain, HashedWeights } from '@tuning/chain';
import { errorCode, errorMessage, type Logger, type Signer, sleep, TuningError } from '@tuning/kit';
import type { MetagraphView } from '@tuning/neuron';
import type { ValidatorStore, WeightSetRecord } from '@tuning/store';
import { RULES, windowWeights } from '@tuning/tournament';
import type { RevealBook } from './reveal-book.ts';
import type { WeightWatch } from './weight-watch.ts';

/** Weights older than this are set again, so that the validator stays active (the chain's cutoff is about 5000 blocks). */
const REFRESH_BLOCKS = 2_000;
/** Blocks between two looks while there is nothing to set. */
const EMPTY_REFRESH_BLOCKS = 100;
const IDLE_MS = 500;
/** Longest wait between two tries that the chain refuses, in ms. */
const MAX_WAIT_MS = 600_000;
/** Blocks after the decision in which an extrinsic of ours can still be included: its mortality of 128, and the lag of the head. */
const MAY_STILL_COME_BLOCKS = 140;

interface Included {
  block: number;
  uids: number[];
  values: number[];
}

export interface WeightSetterServices {
  chain: Chain;
  netuid: number;
  hotkey: Signer;
  metagraph: MetagraphView;
  store: ValidatorStore;
  reveals: RevealBook;
  watch: WeightWatch;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Puts scores on the chain. The intent is a row before the extrinsic is sent; after a crash the chain is asked what
 * became of it, so that no task is weighed twice.
 */
export class WeightSetter {
  readonly #s: WeightSetterServices;

  constructor(services: WeightSetterServices) {
    this.#s = services;
  }

  async run(): Promise<void> {
    const { chain, netuid, hotkey, reveals, watch, signal, logger } = this.#s;
    const watched = { chain, netuid, hotkey: hotkey.address };
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = IDLE_MS;
      try {
        await this.#settleIntents();
        const reveal = await reveals.settle(chain, hotkey, signal);
        const look = await watch.look(watched);
        waitMs = await this.#setIfDue();
        for (const blocks of [reveal, look]) {
          if (blocks !== undefined) waitMs = Math.min(waitMs, Math.max(IDLE_MS, blocks * chain.blockTimeMs));
        }
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        waitMs = Math.min(MAX_WAIT_MS, 3_000 * 2 ** failures);
        failures += 1;
        logger.warn({ code: errorCode(error), error: errorMessage(error) }, 'weights not set; trying again');
      }
      await this.#rest(waitMs);
    }
  }

  /** Waits, but not past the moment at which a new task wants its weights. */
  async #rest(ms: number): Promise<void> {
    const { store, signal } = this.#s;
    const known = new Set(store.tasks.list({ states: ['weighing'] }).map(({ id }) => id));
    const end = Date.now() + ms;
    while (!signal.aborted && Date.now() < end) {
      await sleep(Math.min(IDLE_MS, Math.max(1, end - Date.now())), signal).catch(() => {});
      if (store.tasks.list({ states: ['weighing'] }).some(({ id }) => !known.has(id))) return;
    }
  }

  /** Finds out from the chain what became of intents of which we never heard. */
  async #settleIntents(): Promise<void> {
    const { store, netuid } = this.#s;
    for (const intent of store.weightSets.pending(netuid)) {
      const included = await this.#findIncluded(intent);
      if (included) this.#included(intent.id, intent.taskIds, included);
      else store.weightSets.finish(intent.id, { state: 'failed', error: 'the chain does not have it' });
    }
  }

  async #findIncluded(intent: WeightSetRecord): Promise<Included | undefined> {
    const { chain, netuid, hotkey } = this.#s;
    const uid = await chain.uidOf(netuid, hotkey.address);
    if (uid === undefined) return undefined;
    // The extrinsic may still be in the pool; LastUpdate moves only when it is in a block.
    const patience = intent.decidedBlock + MAY_STILL_COME_BLOCKS;
    for (;;) {
      const block = await chain.lastUpdate(netuid, uid);
      if (block > intent.decidedBlock) {
        return this.#whatCameIn(intent, uid, block);
      }
      if (chain.head.number > patience) return undefined;
      await sleep(Math.max(100, Math.min(chain.blockTimeMs, 5_000)), this.#s.signal);
    }
  }

  /** Another program of the operator may have set weights with this hotkey, so what is there is compared with the intent. */
  async #whatCameIn(intent: WeightSetRecord, uid: number, block: number): Promise<Included | undefined> {
    const { chain, netuid, hotkey, metagraph, watch } = this.#s;
    const weights = await chain.weights(netuid, uid);
    const { neurons } = await metagraph.refresh();
    const hotkeyOf = new Map(neurons.map((neuron) => [neuron.uid, neuron.hotkey]));
    const stored = weights.map(({ uid: to, value }) => ({ hotkey: hotkeyOf.get(to) ?? '', weight: value }));
    if (agrees(intent.weights, stored)) {
      return { block, uids: weights.map((item) => item.uid), values: weights.map((item) => item.value) };
    }
    // Under commit-reveal the chain holds the weights before until the reveal; the commit itself is the proof.
    const commits = await chain.weightCommits(netuid, hotkey.address);
    const commit = commits.findLast(({ block: at }) => at > intent.decidedBlock);
    if (!commit) return undefined;
    const largest = Math.max(...intent.weights.map(({ weight }) => weight));
    const uidOf = new Map(neurons.map((neuron) => [neuron.hotkey, neuron.uid]));
    const known = intent.weights.flatMap(({ hotkey: to, weight }) => {
      const index = uidOf.get(to);
      return index === undefined ? [] : [{ index, value: Math.round((weight / largest) * 65_535), hotkey: to }];
    });
    const entries = known.map(({ index, ...entry }) => ({ uid: index, ...entry }));
    await watch.adopt({ chain, netuid, hotkey: hotkey.address }, commit, entries);
    return { block, uids: known.map(({ index }) => index), values: known.map(({ value }) => value) };
  }

  /** @returns ms to wait before the next look. */
  async #setIfDue(): Promise<number> {
    const { chain, netuid, hotkey, metagraph, store, reveals, watch, logger, signal } = this.#s;
    const tasks = store.tasks.list({ states: ['weighing'] });
    const last = store.weightSets.latest(netuid);
    const stale = last?.block != null && chain.head.number - last.block > REFRESH_BLOCKS;
    if (tasks.length === 0 && !stale && (await watch.mustSetAgain()) === undefined) return IDLE_MS;

    await metagraph.refresh();
    const decidedBlock = chain.head.number;
    const registered = metagraph.current.neurons.map((neuron) => neuron.hotkey);
    const scores = store.scores.since(Math.max(0, decidedBlock - RULES.windowBlocks));
    const weights = windowWeights({ scores, registered, nowBlock: decidedBlock });
    const taskIds = tasks.map(({ id }) => id);
    if (weights.length === 0) {
      for (const id of taskIds) store.tasks.advance(id, 'weighing', 'done', { weights: null });
      await watch.giveUp();
      if (taskIds.length > 0) logger.warn({ taskIds }, 'nobody has a score in the window; no weights to set');
      return taskIds.length > 0 ? IDLE_MS : EMPTY_REFRESH_BLOCKS * chain.blockTimeMs;
    }
    const id = store.weightSets.intend({ netuid, decidedBlock, weights, taskIds });
    try {
      const onCommit = (pending: HashedWeights) => reveals.keep(pending);
      const set = await chain.setWeights({ netuid, hotkey, weights, onCommit }, { signal });
      if (set.form !== 'plain')
        logger.info(
          { form: set.form, reveal: set.reveal },
          'weights are committed; the chain shows them after the reveal',
        );
      // Before the row is finished: should it fail, the next look at the intent finds the weights and keeps them.
      const intended = weights.map((item) => item.hotkey);
      await watch.keep({ chain, netuid, hotkey: hotkey.address }, set, intended);
      this.#included(id, taskIds, { block: set.block.number, uids: set.uids, values: set.values });
      return IDLE_MS;
    } catch (error) {
      if (signal.aborted) throw error;
      // Only a refusal is a final answer; after a lost connection the chain must be asked first.
      const refused =
        error instanceof TuningError &&
        (error.name === 'ChainError' || error.code === 'WEIGHTS_TOO_SOON' || error.name === 'OperatorError');
      if (refused) store.weightSets.finish(id, { state: 'failed', error: errorMessage(error) });
      const blocks = Number((error as TuningError).details?.['blocksToWait'] ?? 0);
      if (errorCode(error) === 'WEIGHTS_TOO_SOON') {
        logger.info({ blocksToWait: blocks }, 'weights must wait for the rate limit');
        return Math.max(IDLE_MS, blocks * chain.blockTimeMs);
      }
      throw error;
    }
  }

  #included(id: number, taskIds: readonly string[], set: Included): void {
    const { store, logger } = this.#s;
    // One transaction: a set that is known to be in, with a task still to be weighed, would be set again.
    store.transaction(() => {
      store.weightSets.finish(id, { state: 'included', ...set });
      for (const taskId of taskIds) {
        if (store.tasks.get(taskId)?.state === 'weighing')
          store.tasks.advance(taskId, 'weighing', 'done', { weights: set });
      }
    });
    logger.info({ taskIds, ...set }, 'weights are on the chain');
  }
}

/** Whether two sets of weights give the same shares, as far as u16 can tell. Entries of 0 do not count. */
function agrees(
  a: readonly { hotkey: string; weight: number }[],
  b: readonly { hotkey: string; weight: number }[],
): boolean {
  const shares = (set: typeof a) => {
    const largest = Math.max(...set.map(({ weight }) => weight));
    return new Map(set.filter(({ weight }) => weight > 0).map(({ hotkey, weight }) => [hotkey, weight / largest]));
  };
  const [left, right] = [shares(a), shares(b)];
  return (
    left.size === right.size &&
    [...left].every(([hotkey, share]) => Math.abs((right.get(hotkey) ?? -1) - share) <= 1 / 65_535)
  );
}
