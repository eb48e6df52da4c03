import { join } from 'node:path';
import { folderBytes, freeBytes } from '@tuning/kit';
import type { BaseModel, ModelCache } from '@tuning/neuron';
import type { JobRecord, JobRepository } from '@tuning/store';
import { bytesOfJob, lackOfRoom } from './disk-room.ts';
import { jobPayloadSchema } from './job-payload.ts';

/** What tells the disk that a job takes. */
export interface JobNeeds {
  readonly model: BaseModel;
  /** Of the files that training needs. */
  readonly modelBytes: number;
  readonly rowsBytes: number;
}

/** No room for a job; says so to its operator. */
export interface Lack {
  readonly lack: string;
}

export interface RoomBookServices {
  /** The data folder, whose disk it is about. */
  folder: string;
  /** Where the job folders are. */
  jobsRoot: string;
  jobs: Pick<JobRepository, 'list'>;
  models: Pick<ModelCache, 'heldBytes' | 'tidy'>;
  /** The recipe trains an adapter, not every weight. */
  adapter: boolean;
}

/**
 * Who was promised what room on the disk. A job that waits or runs is promised what it has not written yet, as long as its
 * row in the store says so: two jobs that fit alone are not both accepted where they do not fit together.
 */
export class RoomBook {
  readonly #s: RoomBookServices;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(services: RoomBookServices) {
    this.#s = services;
  }

  /** Takes a job in by `enter`, which writes its row, where there is room beside all that were taken in before. */
  admit<T>(needs: JobNeeds, enter: () => T): Promise<{ entered: T } | Lack> {
    return this.#inTurn(async () => {
      const lack = await this.#lack(needs, undefined);
      return lack === undefined ? { entered: enter() } : { lack };
    });
  }

  /** As `admit`, of an order whose rows have not come yet. */
  lackFor(needs: JobNeeds): Promise<string | undefined> {
    return this.#inTurn(() => this.#lack(needs, undefined));
  }

  /** Whether an accepted job that is about to be prepared still finds its room, beside those that run and began before it. */
  lackOfStarting(job: JobRecord, needs: JobNeeds): Promise<string | undefined> {
    return this.#inTurn(() => this.#lack(needs, job));
  }

  /** Models that the caches of jobs that wait or run should keep. */
  wantedModels(): BaseModel[] {
    return this.#open().flatMap(({ needs }) => (needs ? [needs.model] : []));
  }

  async #lack(needs: JobNeeds, job: JobRecord | undefined): Promise<string | undefined> {
    const { folder, models } = this.#s;
    for (let isSecond = false; ; isSecond = true) {
      const counted = new Set<string>();
      // Those before this one first: a model that they download is there for it, too.
      const promisedBytes = await this.#promised(job, counted);
      const neededBytes = await this.#remaining(job?.id, needs, counted);
      const room = { neededBytes, freeBytes: await freeBytes(folder), promisedBytes };
      const lack = lackOfRoom(room, folder);
      if (lack === undefined || isSecond) return lack;
      // Models that no job uses give way first.
      await models.tidy({ wantedBytes: neededBytes + promisedBytes - room.freeBytes, keep: needs.model });
    }
  }

  async #promised(job: JobRecord | undefined, counted: Set<string>): Promise<number> {
    let total = 0;
    for (const other of this.#open()) {
      const isAhead = job === undefined || (other.job.state === 'Running' && isBefore(other.job, job));
      if (isAhead && other.needs) total += await this.#remaining(other.job.id, other.needs, counted);
    }
    return total;
  }

  #open(): { job: JobRecord; needs: JobNeeds | undefined }[] {
    return this.#s.jobs
      .list({ states: ['Running', 'Queued'] })
      .map((job) => ({ job, needs: jobPayloadSchema.safeParse(job.payload).data?.needs }));
  }

  /** Bytes that a job will still write. `counted`: models whose download is counted already. */
  async #remaining(id: string | undefined, needs: JobNeeds, counted: Set<string>): Promise<number> {
    const { models, jobsRoot, adapter } = this.#s;
    const { model, modelBytes, rowsBytes } = needs;
    const name = `${model.repo}@${model.revision}`;
    const missingBytes = counted.has(name) ? 0 : Math.max(0, modelBytes - (await models.heldBytes(model)));
    counted.add(name);
    const written = id === undefined ? 0 : await folderBytes(join(jobsRoot, id));
    return Math.max(0, bytesOfJob({ modelBytes, missingBytes, rowsBytes, adapter }) - written);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

/** A total order, so that of two that begin together one goes on. */
function isBefore(a: JobRecord, b: JobRecord): boolean {
  const [from, to] = [a.startedAt ?? 0, b.startedAt ?? 0];
  return from === to ? a.id < b.id : from < to;
}
