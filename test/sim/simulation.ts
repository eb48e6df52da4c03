import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkHub } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { Secret, sleep, waitFor } from '@tuning/kit';
import { PROMPT_FORMAT, sha256Hex, type TaskOffer } from '@tuning/protocol';
import { audit } from './audit.ts';
import { type Backend, openBackend } from './backend.ts';
import { Child } from './child.ts';
import { type Journal, openJournal } from './journal.ts';
import { type PlannedJob, planJobs, randomFrom, type SimulationOptions } from './plan.ts';

const processFile = (name: string) => fileURLToPath(new URL(`./processes/${name}.mjs`, import.meta.url));
/** //Alice of every Substrate chain. */
const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const HEAD = 100;
const DEADLINE_BLOCK = 1_000;
const POLL_MS = 100;
/** After the last kill: what waits for its next try (up to a minute) and what is left in the queue. */
const SETTLE_MS = 600_000;
/** Mean time between two kills, in ms. A killed engine needs several seconds to come back. */
const MEAN_MS = { miner: 5_000, hub: 8_000, job: 6_000, supervisor: 4_000, engine: 25_000 };
/** Share of the miner's lives that end at a call instead of at a time, and the last call at which they do. */
const FUSE_SHARE = 0.6;
const FUSE_CALLS = 600;
const FINAL = ['Completed', 'Failed', 'Cancelled'];

/** A small model as the hub has it: nobody computes with it. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 16,
  num_attention_heads: 2,
  num_hidden_layers: 1,
  num_key_value_heads: 2,
  vocab_size: 16,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
};

export interface Kills {
  miner: number;
  hub: number;
  engine: number;
  /** By job id: what was killed of it, each of which may cost it one more start. */
  readonly ofJob: Map<string, number>;
  trainers: number;
  supervisors: number;
}

/** Plays a miner's life with random deaths, then looks at everything that is left. */
export async function simulate(options: SimulationOptions, folder: string) {
  const simulation = new Simulation(options, folder);
  try {
    return await simulation.run();
  } finally {
    await simulation.close();
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #folder: string;
  readonly #plan: PlannedJob[];
  readonly #kills: Kills = { miner: 0, hub: 0, engine: 0, trainers: 0, supervisors: 0, ofJob: new Map() };
  readonly #accepted = new Set<string>();
  /** Tasks whose cancellation the miner has confirmed. */
  readonly #cancelled = new Set<string>();
  readonly #faults: string[] = [];
  #journal!: Journal;
  #backend!: Backend;
  #hub: Child | undefined;
  #miner: Child | undefined;
  #endpoint = '';
  #token = '';
  #startedAt = 0;
  #settled = false;

  constructor(options: SimulationOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#plan = planJobs(options, randomFrom(options.seed));
  }

  async run() {
    await writeFile(join(this.#folder, 'head'), String(HEAD));
    this.#journal = await openJournal(join(this.#folder, 'miner.sqlite'));
    this.#backend = await openBackend(this.#options.runner, this.#folder);
    await this.#startHub(0);
    const offers = await this.#publishTasks();
    this.#startedAt = performance.now();
    const miner = this.#liveMiners(offers);
    // A driver that fails stops everything else.
    await Promise.race([this.#disturb(), miner]);
    await this.#settle();
    this.#settled = true;
    await miner;
    const wallMs = performance.now() - this.#startedAt;
    const { problems, figures } = await audit({
      plan: this.#plan,
      journal: this.#journal,
      kills: this.#kills,
      cancelled: this.#cancelled,
      folder: this.#folder,
      endpoint: this.#endpoint,
      token: this.#token,
      leftovers: () => this.#backend.leftovers(),
    });
    await this.#hub!.kill();
    // Only now, because a hub that serves has its folder locked.
    const hub = await checkHub({ dataDir: join(this.#folder, 'hub') });
    const damage = hub.problems.map((problem) => `hub: ${JSON.stringify(problem)}`);
    return {
      problems: [...this.#faults, ...problems, ...damage],
      figures: {
        ...figures,
        'seconds in all': Math.round(wallMs / 1_000),
        'miner killed': this.#kills.miner,
        'hub killed': this.#kills.hub,
        'engine killed': this.#kills.engine,
        'supervisors killed': this.#kills.supervisors,
        'trainers killed': this.#kills.trainers,
      },
    };
  }

  async close(): Promise<void> {
    this.#settled = true;
    await Promise.all([this.#miner?.kill(), this.#hub?.kill()]);
    await this.#backend?.close();
    this.#journal?.close();
  }

  get #elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  get #isQuiet(): boolean {
    return this.#elapsed > this.#options.seconds * 1_000;
  }

  async #startHub(port: number): Promise<void> {
    this.#hub = new Child(processFile('hub'), [join(this.#folder, 'hub'), String(port)]);
    const hello = await this.#hub.first();
    if (!hello) throw new Error(`the hub did not start: ${this.#hub.fault}`);
    this.#endpoint = String(hello['endpoint']);
    this.#token ||= String(hello['token']);
  }

  /** The base model and one file of rows per task; each row tells the trainer how to behave. */
  async #publishTasks(): Promise<TaskOffer[]> {
    const hub = createHub({ endpoint: this.#endpoint, token: new Secret(this.#token) });
    const text = (path: string, content: string) => ({ path, content: Buffer.from(content) });
    const shared = { visibility: 'public', message: 'for the simulation' } as const;
    const model = await hub.publish({
      ...shared,
      type: 'model',
      repo: 'sim/base',
      files: [
        text('config.json', JSON.stringify(CONFIG)),
        text('tokenizer.json', '{}'),
        text('model.safetensors', 'weights'),
      ],
    });
    const rows = this.#plan.map(({ task, fate, steps, stepMs }) => {
      const fail = fate === 'input' || fate === 'once' || fate === 'always' ? { fail: fate } : {};
      return text(`${task}.jsonl`, `${JSON.stringify({ task, steps, stepMs, ...fail })}\n`);
    });
    const data = await hub.publish({ ...shared, type: 'dataset', repo: 'sim/rows', files: rows });
    return rows.map(({ path, content }) => ({
      taskId: path.slice(0, 16),
      netuid: 1,
      model: { repo: 'sim/base', ...model },
      dataset: {
        repo: 'sim/rows',
        ...data,
        file: { path, sha256: sha256Hex(content), bytes: content.length, rows: 1 },
      },
      datasetType: 'completion',
      promptFormat: PROMPT_FORMAT,
      sequenceLen: 64,
      seal: sha256Hex(path),
      offerDeadlineBlock: HEAD,
      deadlineBlock: DEADLINE_BLOCK,
      maxModelBytes: 2 ** 20,
    }));
  }

  /** One life of the miner after the other, each ended by a fuse or by the clock, until everything has come to its end. */
  async #liveMiners(offers: TaskOffer[]): Promise<void> {
    const random = this.#random(1);
    while (!this.#settled) {
      const fuse = !this.#isQuiet && random() < FUSE_SHARE ? 1 + Math.floor(random() * FUSE_CALLS) : 0;
      // From when it is ready: on a loaded machine it would else die before it has done anything, time after time. Fuses blow
      // while it starts, too.
      const lifeMs = exponential(random, MEAN_MS.miner);
      let end = Number.POSITIVE_INFINITY;
      const settings = {
        folder: this.#folder,
        hubUrl: this.#endpoint,
        slots: this.#options.slots,
        hotkey: HOTKEY,
        trainer: processFile('trainer'),
        fuse,
        ...this.#backend.minerSettings,
      };
      const env = { ...this.#backend.env, SIM_TOKEN: this.#token };
      const miner = new Child(processFile('miner'), [JSON.stringify(settings)], env);
      this.#miner = miner;
      const sent = new Set<string>();
      while (miner.alive && !this.#settled) {
        if (this.#converse(miner, offers, sent)) end = this.#elapsed + lifeMs;
        await sleep(POLL_MS);
        const expired = fuse === 0 ? this.#elapsed > end && !this.#isQuiet : this.#isQuiet;
        if (expired) break;
      }
      await miner.kill();
      if (miner.fault) {
        this.#faults.push(`the miner ${miner.fault}`);
        return;
      }
      if (!this.#settled) this.#kills.miner += 1;
    }
  }

  /** Says to the miner what it is time to say; true once, when the miner has become ready. */
  #converse(miner: Child, offers: TaskOffer[], sent: Set<string>): boolean {
    let isReady = false;
    for (const { ready, accepted, cancelled, done } of miner.take()) {
      if (ready) isReady = true;
      if (accepted) this.#accepted.add(String(accepted));
      if (cancelled && done) this.#cancelled.add(String(cancelled));
    }
    for (const [index, { task, fate, offerAt, cancelAt }] of this.#plan.entries()) {
      if (!this.#accepted.has(task)) {
        if (this.#elapsed < offerAt || sent.has(task)) continue;
        sent.add(task);
        miner.send({ offer: offers[index]! });
      } else if (fate === 'cancelled' && this.#elapsed > cancelAt && !this.#cancelled.has(task)) {
        if (sent.has(`${task} cancel`)) continue;
        sent.add(`${task} cancel`);
        miner.send({ cancel: task });
      }
    }
    return isReady;
  }

  async #disturb(): Promise<void> {
    const { kills: targets } = this.#backend;
    const repeat = async (stream: number, meanMs: number, kill: (random: () => number) => Promise<void>) => {
      const random = this.#random(stream);
      for (;;) {
        const wait = Math.min(exponential(random, meanMs), this.#options.seconds * 1_000 - this.#elapsed);
        await sleep(Math.max(0, wait));
        if (this.#isQuiet) return;
        await kill(random);
      }
    };
    const running = () => this.#journal.jobs.list({ states: ['Running'] }).map(({ id }) => id);
    const blame = (job: string) => this.#kills.ofJob.set(job, (this.#kills.ofJob.get(job) ?? 0) + 1);
    const ofOneJob = async (random: () => number, kill: (job: string) => Promise<boolean>, count: () => void) => {
      const jobs = running();
      const job = jobs[Math.floor(random() * jobs.length)];
      if (job === undefined || !(await kill(job))) return;
      blame(job);
      count();
    };
    // Three crashes end a job for good, so each trainer is killed once only.
    const shot = new Set<string>();
    await Promise.all([
      repeat(2, MEAN_MS.hub, async (random) => {
        await this.#hub!.kill();
        this.#kills.hub += 1;
        await sleep(random() * 1_500);
        await this.#startHub(Number(new URL(this.#endpoint).port));
      }),
      repeat(3, MEAN_MS.job, (random) =>
        ofOneJob(
          random,
          async (job) => !shot.has(job) && (await targets.trainer(job)) && Boolean(shot.add(job)),
          () => {
            this.#kills.trainers += 1;
          },
        ),
      ),
      ...(targets.supervisor
        ? [
            repeat(4, MEAN_MS.supervisor, (random) =>
              ofOneJob(random, targets.supervisor!, () => {
                this.#kills.supervisors += 1;
              }),
            ),
          ]
        : []),
      ...(targets.engine
        ? [
            repeat(5, MEAN_MS.engine, async () => {
              const before = running();
              await targets.engine!();
              this.#kills.engine += 1;
              for (const job of new Set([...before, ...running()])) blame(job);
            }),
          ]
        : []),
    ]);
  }

  /** Lets the queue run empty, ends the tasks' time on the chain, and waits for every submission's end. */
  async #settle(): Promise<void> {
    const until = (what: string, check: () => boolean) =>
      waitFor(
        what,
        async () => {
          if (this.#faults.length > 0) throw new Error(this.#faults.join('\n'));
          return check() || undefined;
        },
        { ms: SETTLE_MS, everyMs: POLL_MS },
      );
    const states = () => this.#journal.assignments.list().map(({ state }) => state);
    await until('the end of every job', () => {
      const jobs = this.#journal.jobs.list();
      return jobs.length === this.#plan.length && jobs.every(({ state }) => FINAL.includes(state));
    });
    await until('every commitment', () => states().every((state) => state === 'committed' || state === 'failed'));
    await writeFile(join(this.#folder, 'head'), String(DEADLINE_BLOCK + 1));
    await until('every model in public', () => states().every((state) => state === 'published' || state === 'failed'));
  }

  #random(stream: number): () => number {
    return randomFrom(this.#options.seed * 16 + stream);
  }
}

function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean;
}
