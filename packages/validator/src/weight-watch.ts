import { readFile } from 'node:fs/promises';
import type { BlockRef, Chain, SetWeightsResult, WeightCommit } from '@tuning/chain';
import { revealWindow } from '@tuning/chain';
import { errorCode, type Logger, writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';
import { whyNotRevealed } from './reveal-failure.ts';

/** Blocks between two looks at a commit whose reveal is not due: an epoch may be started early. */
const EARLY_LOOK_BLOCKS = 25;

const whole = z.number().int().min(0);
const entrySchema = z.object({ uid: whole, value: whole, hotkey: z.string() });
const commitSchema = z.object({
  block: whole,
  round: whole,
  versionKey: z.string().regex(/^\d+$/),
  /** As told when it was committed; a change of the tempo moves them. */
  reveal: z.object({ epoch: whole, from: whole, until: whole }),
  entries: z.array(entrySchema),
});
const stateSchema = z.object({ commits: z.array(commitSchema), again: z.string().nullable() });

/** Timelocked weights of ours that the chain has to reveal by itself. */
export type WatchedCommit = z.infer<typeof commitSchema>;
type State = z.infer<typeof stateSchema>;

/** The hotkey whose weights are watched. */
export interface Watched {
  chain: Chain;
  netuid: number;
  /** SS58. */
  hotkey: string;
}

/**
 * Sees to it that weights really appear on the chain. A timelocked commit is opened by the chain in silence, or dropped
 * in silence; and between the reading of uids and the block of the call a uid may get another hotkey. What went wrong is
 * logged, and `mustSetAgain` says so until weights are set anew. Kept in a file, so that a restart forgets nothing.
 */
export class WeightWatch {
  readonly #file: string;
  readonly #logger: Logger;
  #nextLook = 0;

  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /** Why weights must be set once more; undefined when nothing is amiss. */
  async mustSetAgain(): Promise<string | undefined> {
    return (await this.#read()).again ?? undefined;
  }

  /** Nobody has a score any more: there is nothing to set again. */
  async giveUp(): Promise<void> {
    const state = await this.#read();
    if (state.again !== null) await this.#write({ ...state, again: null });
  }

  /** Takes note of weights that were just set. `intended`: the hotkeys that were meant to get them. */
  async keep({ chain, netuid }: Watched, set: SetWeightsResult, intended: readonly string[]): Promise<void> {
    const [{ neurons }, { weightsVersionKey }] = await Promise.all([
      chain.metagraph(netuid, { at: set.block.hash }),
      chain.hyperparameters(netuid),
    ]);
    const hotkeyOf = new Map(neurons.map(({ uid, hotkey }) => [uid, hotkey]));
    const entries = set.uids.map((uid, at) => ({ uid, value: set.values[at]!, hotkey: hotkeyOf.get(uid) ?? '' }));
    const strangers = entries.filter(({ hotkey, value }) => value > 0 && !intended.includes(hotkey));
    const { commits } = await this.#read();
    if (strangers.length > 0) {
      const uids = strangers.map(({ uid }) => uid);
      const why = `uid ${uids.join(', ')} got another hotkey in the blocks before ${set.block.number}, while weights for the old one were on their way`;
      this.#logger.warn({ code: 'WEIGHTS_FOR_REPLACED_UID', uids }, `${why}; weights are set again`);
      await this.#write({ commits, again: why });
      return;
    }
    if (set.form === 'timelocked') {
      const { round, epoch, from, until } = set.reveal;
      const versionKey = weightsVersionKey.toString();
      commits.push({ block: set.block.number, round, versionKey, reveal: { epoch, from, until }, entries });
    }
    this.#nextLook = 0;
    await this.#write({ commits, again: null });
  }

  /** Takes note of a commit that the chain has and that was sent before a crash. */
  async adopt({ chain, netuid }: Watched, commit: WeightCommit, entries: WatchedCommit['entries']): Promise<void> {
    const { commits } = await this.#read();
    if (commit.form !== 'timelocked' || commits.some(({ block }) => block === commit.block)) return;
    const [clock, { weightsVersionKey }] = await Promise.all([chain.epochs(netuid), chain.hyperparameters(netuid)]);
    // A subnet without epochs never reveals; its commit is looked at now and then.
    const window = revealWindow(clock, commit.epoch);
    const [from, until] = [window.from, window.until].map((block) => (Number.isFinite(block) ? Math.max(0, block) : 0));
    const reveal = { epoch: commit.epoch + clock.revealPeriod, from: from!, until: until! };
    const versionKey = weightsVersionKey.toString();
    commits.push({ block: commit.block, round: commit.round ?? 0, versionKey, reveal, entries });
    await this.#write({ commits, again: null });
  }

  /**
   * Looks whether commits are revealed.
   * @returns blocks until the next look, undefined where there is nothing to look at.
   */
  async look({ chain, netuid, hotkey }: Watched): Promise<number | undefined> {
    const { commits } = await this.#read();
    if (commits.length === 0) return undefined;
    const { number, hash: at } = chain.head;
    if (number < this.#nextLook) return this.#nextLook - number;
    const sealed = await chain.weightCommits(netuid, hotkey, { at });
    const isSealed = ({ block, round }: WatchedCommit) =>
      sealed.some((commit) => commit.form === 'timelocked' && commit.block === block && commit.round === round);
    const waiting = commits.filter(isSealed);
    const opened = commits.filter((commit) => !isSealed(commit));
    // Later weights replace earlier ones: only the newest can still be seen.
    const newest = opened.at(-1);
    if (newest) await this.#judge({ chain, netuid, hotkey }, newest, waiting, { number, hash: at });
    const due = Math.min(...waiting.map(({ reveal }) => reveal.from));
    this.#nextLook = Math.max(number + 1, Math.min(due, number + EARLY_LOOK_BLOCKS));
    return waiting.length > 0 ? this.#nextLook - number : undefined;
  }

  async #judge(watched: Watched, commit: WatchedCommit, waiting: WatchedCommit[], head: BlockRef): Promise<void> {
    const { chain, netuid, hotkey } = watched;
    const at = head.hash;
    const { neurons } = await chain.metagraph(netuid, { at });
    const uid = neurons.find((neuron) => neuron.hotkey === hotkey)?.uid;
    const stored = uid === undefined ? [] : await chain.weights(netuid, uid, { at });
    const hotkeyOf = new Map(neurons.map((neuron) => [neuron.uid, neuron.hotkey]));
    if (isStored(commit, stored, hotkeyOf)) {
      this.#logger.info(
        { committed: commit.block, seen: head.number, entries: commit.entries.length },
        'the committed weights are revealed and on the chain',
      );
      await this.#write({ commits: waiting, again: null });
      return;
    }
    const reasons = await whyNotRevealed(watched, commit, head);
    const why = `the weights committed in block ${commit.block} are not on the chain after their reveal: ${reasons.join('; ')}`;
    this.#logger.warn(
      { code: 'WEIGHTS_NOT_REVEALED', committed: commit.block, round: commit.round, reveal: commit.reveal },
      `${why}; weights are set again as soon as the rate limit allows`,
    );
    // A newer commit that waits brings newer weights by itself.
    await this.#write({ commits: waiting, again: waiting.length > 0 ? null : why });
  }

  async #read(): Promise<State> {
    const text = await readFile(this.#file, 'utf8').catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return '{"commits":[],"again":null}';
      throw error;
    });
    return stateSchema.parse(JSON.parse(text));
  }

  async #write(state: State): Promise<void> {
    await writeFileAtomic(this.#file, `${JSON.stringify(state)}\n`);
  }
}

/**
 * Whether the stored weights are those committed. A uid that another hotkey has taken since is left out: the chain clears
 * what stood for the old one.
 */
function isStored(
  { entries }: WatchedCommit,
  stored: readonly { uid: number; value: number }[],
  hotkeyOf: ReadonlyMap<number, string>,
): boolean {
  const storedAt = new Map(stored.map(({ uid, value }) => [uid, value]));
  const expected = new Map(entries.map(({ uid, value }) => [uid, value]));
  const held = (uid: number, hotkey: string) => hotkeyOf.get(uid) === hotkey;
  return (
    stored.length > 0 &&
    stored.every(({ uid, value }) => value === 0 || expected.has(uid)) &&
    entries.every(({ uid, value, hotkey }) => !held(uid, hotkey) || (storedAt.get(uid) ?? 0) === value)
  );
}
