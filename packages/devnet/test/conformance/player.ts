import { u8aToHex } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { type BlockEvents, readEvents } from './events.ts';
import { poolRefusal } from './pool-errors.ts';
import type { CallSpec, ItemSpec, Now, Outcome, Scenario, Step, Value } from './scenario.ts';
import type { Stage } from './stage.ts';

/** More blocks than this in one step are made, but their events are not collected. */
const MAX_READ_BLOCKS = 500;
/** In every block: timestamp.set. */
const INHERENTS = 1;

type Signed = Step & { kind: 'call' | 'submit' };

/** Plays the steps in turn on a fresh chain; gives the outcome of each. */
export async function play(scenario: Scenario, stage: Stage): Promise<Outcome[]> {
  const player = new Player(stage);
  const outcomes: Outcome[] = [];
  for (const step of scenario.steps) {
    try {
      outcomes.push(await player.step(step));
    } catch (error) {
      throw new Error(`${scenario.name}, step "${step.name}": ${(error as Error).message}`, { cause: error });
    }
  }
  return outcomes;
}

class Player {
  readonly #stage: Stage;
  /** Transactions in the pool: hash → name of the step. */
  readonly #pooled = new Map<string, string>();
  #block = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async step(step: Step): Promise<Outcome> {
    const acted = await this.#act(step);
    const outcome = step.sceneOnly ? { result: acted.result } : acted;
    if (!step.read) return outcome;
    const entries = await Promise.all(step.read.map((item) => this.#read(item)));
    return { ...outcome, storage: Object.fromEntries(entries) };
  }

  async #act(step: Step): Promise<Outcome> {
    switch (step.kind) {
      case 'call':
        return this.#call(step);
      case 'submit':
        return { result: (await this.#submit(step)).result };
      case 'blocks':
        return { result: 'ok', ...(await this.#newBlocks(step.count)) };
      case 'level':
        await this.#level(step);
        return { result: 'ok' };
      case 'read':
        return { result: 'ok' };
    }
  }

  async #call(step: Signed): Promise<Outcome> {
    const sent = await this.#submit(step);
    if (sent.hash === undefined) {
      // A block all the same: whether refused in the pool or in a block, the next step meets the same height.
      return { result: sent.result, ...(await this.#newBlocks(1)) };
    }
    this.#pooled.delete(sent.hash);
    const { hash, events, extrinsics } = await this.#nextBlock();
    const at = extrinsics.indexOf(sent.hash);
    const mine = events.transactions.get(at);
    if (at < 0 || !mine) throw new Error(`its transaction is not in block ${hash}`);
    const included = this.#included(extrinsics, events);
    return {
      ...mine,
      ...(events.hooks.length > 0 ? { blockEvents: events.hooks } : {}),
      ...(included.length > 0 ? { included } : {}),
    };
  }

  async #submit(step: Signed): Promise<{ result: string; hash?: string }> {
    const { client, genesisHash, rpc } = this.#stage;
    const spec = typeof step.call === 'function' ? await step.call(this.#now()) : step.call;
    const missing = firstMissing(spec, (one) => client.hasCall(one));
    if (missing !== undefined) return { result: `absent: ${missing}` };
    const { address } = client.accounts.pair(step.by);
    const nonce = Number(await rpc('system_accountNextIndex', address));
    const signing = step.signing ?? {};
    const era = signing.era && { signed: { blockHash: await rpc('chain_getBlockHash', signing.era.birth) } };
    const bytes = client.sign(spec, step.by, genesisHash, nonce, { ...era, ...signing });
    try {
      const hash = String(await rpc('author_submitExtrinsic', u8aToHex(bytes)));
      this.#pooled.set(hash, step.name);
      return { result: 'pooled', hash };
    } catch (error) {
      return { result: poolRefusal(error) };
    }
  }

  async #newBlocks(count: number): Promise<Pick<Outcome, 'blockEvents' | 'included'>> {
    if (count > MAX_READ_BLOCKS) {
      await this.#stage.rpc('dev_newBlock', { count: count - 1 });
      this.#block += count - 1;
      return this.#newBlocks(1);
    }
    const blockEvents: string[] = [];
    const included: string[] = [];
    for (let i = 0; i < count; i++) {
      const { events, extrinsics } = await this.#nextBlock();
      blockEvents.push(...events.hooks);
      included.push(...this.#included(extrinsics, events));
    }
    return { ...(blockEvents.length > 0 ? { blockEvents } : {}), ...(included.length > 0 ? { included } : {}) };
  }

  async #nextBlock(): Promise<{ hash: string; events: BlockEvents; extrinsics: string[] }> {
    const { client, rpc } = this.#stage;
    const hash = String(await rpc('dev_newBlock', { count: 1 }));
    this.#block++;
    const [events, block] = await Promise.all([
      rpc('state_getStorage', client.key(['System.Events']), hash),
      rpc('chain_getBlock', hash),
    ]);
    const { extrinsics } = (block as { block: { extrinsics: string[] } }).block;
    return {
      hash,
      events: readEvents(client, events as string | null),
      extrinsics: extrinsics.map((bytes) => blake2AsHex(bytes, 256)),
    };
  }

  /** What came of transactions that earlier steps left in the pool, in the block's order. */
  #included(extrinsics: readonly string[], events: BlockEvents): string[] {
    return extrinsics.slice(INHERENTS).flatMap((hash, i) => {
      const name = this.#pooled.get(hash);
      this.#pooled.delete(hash);
      return name === undefined ? [] : [`${name}: ${events.transactions.get(i + INHERENTS)!.result}`];
    });
  }

  async #level({ writes }: Step & { kind: 'level' }): Promise<void> {
    const { client, rpc } = this.#stage;
    const all = typeof writes === 'function' ? writes(this.#now()) : writes;
    const entries = all.flatMap(([item, value]) => {
      if (typeof item === 'string') return [[item, value]];
      const key = client.key(item);
      return key === undefined ? [] : [[key, value === null ? null : client.encode(item, value)]];
    });
    await rpc('dev_setStorage', entries);
  }

  async #read(item: ItemSpec): Promise<[label: string, bytes: string | null]> {
    const { client, rpc } = this.#stage;
    const [name, ...keys] = item;
    const label = keys.length === 0 ? name : `${name}(${keys.map(String).join(', ')})`;
    const key = client.key(item);
    return [label, key === undefined ? 'absent' : ((await rpc('state_getStorage', key)) as string | null)];
  }

  #now(): Now {
    const { client, rpc } = this.#stage;
    return {
      block: this.#block,
      hasCall: (call) => client.hasCall({ call, args: {} }),
      publicKey: (nickname) => client.accounts.publicKey(nickname),
      storage: async (item, ...keys: Value[]) => {
        const key = client.key([item, ...keys]);
        const bytes = key === undefined ? null : ((await rpc('state_getStorage', key)) as string | null);
        return bytes === null ? null : client.decode([item, ...keys], bytes);
      },
    };
  }
}

/** The call, or the first call within it, that the runtime does not have. */
function firstMissing(spec: CallSpec, has: (one: CallSpec) => boolean): string | undefined {
  if (has(spec)) return undefined;
  for (const value of Object.values(spec.args).flat()) {
    if (typeof value !== 'object' || value === null || !('call' in value)) continue;
    const within = firstMissing(value as CallSpec, has);
    if (within !== undefined) return within;
  }
  return spec.call;
}
