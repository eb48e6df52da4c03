import { Readable } from 'node:stream';
import { errorMessage, folderBytes, type Logger, sleep, TransientError } from '@tuning/kit';
import type { Container, ContainerInspectInfo } from 'dockerode';
import type { JobHandle, JobResult, JobSpec } from '../job.ts';
import { LogFollower, readLogTail } from '../log-segments.ts';
import { orAborted } from '../or-aborted.ts';
import { type ExitFile, type JobFile, readExit, writeExit } from '../registry.ts';
import { OVERFULL } from './bounded-command.ts';
import { ContainerLog } from './container-log.ts';
import { type ContainerRecord, type Ending, readEnding, writeEnding } from './container-record.ts';
import { type Engine, engineMessage, isUnreachable, statusOf } from './engine.ts';
import { exitOf, lostExit } from './exit-of.ts';
import { peakMemory } from './peak-memory.ts';

const DELIVER_MS = 100;
/** How often wall time, disk and memory are looked at. A job can write what it likes for so long. */
const BOUNDS_MS = 2_000;
/** After the end of its output a container has exited within this. */
const SETTLE_MS = 2_000;
const RECONNECT_MS = 2_000;

/** One container as the daemon sees it: records its output, holds it to its bounds, and concludes it by looking at it. */
export class DockerJob implements JobHandle {
  readonly id: string;
  readonly dir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #spec: JobSpec;
  readonly #record: ContainerRecord;
  readonly #engine: Engine;
  readonly #logger: Logger;
  readonly #listeners: { follower: LogFollower; onLog: (line: string) => void }[] = [];
  readonly #closing = new AbortController();
  readonly #ended: Promise<JobResult>;
  #output: Readable | undefined;
  #log: ContainerLog | undefined;
  #ending: Ending | undefined;
  #hasEnded = false;
  #lostContact = false;
  /** Deliveries come one after the other. */
  #delivery: Promise<void> = Promise.resolve();
  #peakBytes = 0;

  /** @param output the attached stream of a container that is being started; absent for one taken up later. */
  constructor(args: {
    folder: string;
    job: JobFile;
    record: ContainerRecord;
    engine: Engine;
    logger: Logger;
    output?: Readable;
  }) {
    this.id = args.job.spec.id;
    this.dir = args.job.spec.dir;
    this.labels = args.job.spec.labels;
    this.#folder = args.folder;
    this.#spec = args.job.spec;
    this.#record = args.record;
    this.#engine = args.engine;
    this.#logger = args.logger;
    this.#output = args.output;
    this.#ended = this.#toItsEnd(args.job.createdAt);
    // Nobody may be waiting when the runner is closed.
    this.#ended.catch(() => {});
  }

  listen(onLog: (line: string) => void): void {
    this.#listeners.push({ follower: new LogFollower(this.#folder), onLog });
  }

  wait(signal?: AbortSignal): Promise<JobResult> {
    return orAborted(this.#ended, signal);
  }

  async stop(): Promise<JobResult> {
    if (!this.#hasEnded) await this.#end({ outcome: 'stopped', reason: 'was stopped on request' });
    return this.#ended;
  }

  /** Stops watching; the container goes on. */
  async detach(): Promise<void> {
    this.#closing.abort(
      new TransientError('RUNNER_CLOSED', `the runner was closed while job ${this.id} was running; it can be adopted`),
    );
    this.#output?.destroy();
    await this.#ended.catch(() => {});
  }

  async #toItsEnd(createdAt: number): Promise<JobResult> {
    const known = await readExit(this.#folder);
    if (known) return this.#finish(known);
    const { signal } = this.#closing;
    this.#ending = await readEnding(this.#folder);
    this.#log = await ContainerLog.open(this.#folder, () => this.#deliver());
    const done = new AbortController();
    const aside = AbortSignal.any([signal, done.signal]);
    const watches = [this.#repeat(DELIVER_MS, aside, () => this.#deliver()), this.#watchBounds(aside)];
    try {
      const state = await this.#untilExited();
      if (state && !this.#ending) this.#ending = await this.#overfull();
      const exit = state
        ? exitOf(state, {
            ending: this.#ending,
            lostContact: this.#lostContact,
            peakRssBytes: this.#peakBytes,
            wallMs: this.#spec.limits.wallMs,
          })
        : lostExit(createdAt);
      await writeExit(this.#folder, exit);
      done.abort();
      await Promise.all(watches);
      return await this.#finish(exit);
    } finally {
      done.abort();
      await Promise.all(watches);
      this.#log.close();
    }
  }

  async #finish(exit: ExitFile): Promise<JobResult> {
    await this.#deliver();
    this.#hasEnded = true;
    return { ...exit, logTail: await readLogTail(this.#folder).catch(() => '') };
  }

  /** Records the output until the container has exited; undefined where the engine does not know it any more. */
  async #untilExited(): Promise<ContainerInspectInfo | undefined> {
    // The attached stream loses nothing and has no stamps; what is read again from the engine's log goes on by stamp.
    let complete = await this.#drain(this.#output, false);
    for (;;) {
      // Not the engine's own "wait": it never answers when the engine is killed meanwhile.
      const info = await this.#settled();
      if (info?.State.Running) {
        complete = false;
        await this.#drain(await this.#logs(true), true);
        continue;
      }
      if (info && !complete) await this.#drain(await this.#logs(false), true);
      return info;
    }
  }

  /** The state once an ended output has had time to become an ended container. */
  async #settled(): Promise<ContainerInspectInfo | undefined> {
    for (const end = performance.now() + SETTLE_MS; ; await sleep(DELIVER_MS, this.#closing.signal)) {
      const info = await this.#inspect();
      if (!info?.State.Running || performance.now() > end) return info;
    }
  }

  /** True where there was an output and it came to its own end. */
  async #drain(output: Readable | undefined, stamped: boolean): Promise<boolean> {
    if (!output) return false;
    // The one that `detach` has to end.
    this.#output = output;
    if (this.#closing.signal.aborted) output.destroy();
    try {
      await this.#log!.record(output as AsyncIterable<Uint8Array>, stamped);
      return true;
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      this.#logger.warn({ job: this.id, error: errorMessage(error) }, 'the output of a container was cut');
      return false;
    } finally {
      this.#closing.signal.throwIfAborted();
    }
  }

  /** What the engine has kept of the output since the last line; undefined where it cannot be had. */
  async #logs(follow: boolean): Promise<Readable | undefined> {
    const options = { stdout: true, stderr: true, timestamps: true, since: this.#log!.since };
    try {
      if (follow) return (await this.#container.logs({ ...options, follow: true })) as unknown as Readable;
      return Readable.from([await this.#container.logs({ ...options, follow: false })]);
    } catch (error) {
      this.#logger.warn({ job: this.id, error: engineMessage(error) }, 'the log of a container cannot be read');
      await sleep(RECONNECT_MS, this.#closing.signal);
      return undefined;
    }
  }

  /** The container's state, waiting for an engine that is away; undefined where it has no such container. */
  async #inspect(): Promise<ContainerInspectInfo | undefined> {
    for (;;) {
      this.#closing.signal.throwIfAborted();
      try {
        return await this.#engine.short.getContainer(this.#record.id).inspect();
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        if (!this.#lostContact) {
          this.#logger.warn({ job: this.id, error: engineMessage(error) }, 'lost the Docker engine while a job runs');
        }
        if (isUnreachable(error)) this.#lostContact = true;
        await sleep(RECONNECT_MS, this.#closing.signal);
      }
    }
  }

  /** Wall time, growth of the folder and memory, each as seen from outside the container. */
  async #watchBounds(signal: AbortSignal): Promise<void> {
    const { wallMs } = this.#spec.limits;
    const started = await this.#startedAt();
    await this.#repeat(BOUNDS_MS, signal, async () => {
      if (Date.now() - started > wallMs) {
        return this.#end({ outcome: 'timeout', reason: `ran longer than ${wallMs} ms` });
      }
      const overgrown = await this.#overgrown();
      if (overgrown) return this.#end(overgrown, 0);
      this.#peakBytes = Math.max(this.#peakBytes, await peakMemory(this.#container));
    });
  }

  async #overgrown(): Promise<Ending | undefined> {
    const { outputBytes } = this.#spec.limits;
    const grown = (await folderBytes(this.dir)) - this.#record.baseBytes;
    if (grown <= outputBytes) return undefined;
    return { outcome: 'output', reason: `wrote ${grown} bytes to its folder, more than ${outputBytes}` };
  }

  /** What an ended container wrote since the last look, or while no daemon looked; then its own watch may have ended it. */
  async #overfull(): Promise<Ending | undefined> {
    const overgrown = await this.#overgrown();
    if (overgrown || !(await readLogTail(this.#folder).catch(() => '')).includes(OVERFULL)) return overgrown;
    return {
      outcome: 'output',
      reason: `wrote so many files that their blocks are more than ${this.#spec.limits.outputBytes} bytes`,
    };
  }

  async #startedAt(): Promise<number> {
    const info = await this.#engine.short
      .getContainer(this.#record.id)
      .inspect()
      .catch(() => undefined);
    const started = Date.parse(info?.State.StartedAt ?? '');
    // The zero time of a container that has not begun yet.
    return started > 0 ? started : Date.now();
  }

  /** SIGTERM, the grace time, SIGKILL. The first reason counts. */
  async #end(ending: Ending, graceMs = this.#spec.limits.graceMs): Promise<void> {
    if (!this.#ending) {
      this.#ending = ending;
      await writeEnding(this.#folder, ending);
    }
    try {
      if (graceMs === 0) await this.#container.kill();
      else await this.#engine.long.getContainer(this.#record.id).stop({ t: Math.ceil(graceMs / 1000) });
    } catch (error) {
      // 304, 404 and 409: it has ended by itself.
      if (![304, 404, 409].includes(statusOf(error) ?? 0)) {
        this.#logger.warn({ job: this.id, error: engineMessage(error) }, 'a container could not be stopped yet');
      }
    }
  }

  get #container(): Container {
    return this.#engine.short.getContainer(this.#record.id);
  }

  #deliver(): Promise<void> {
    this.#delivery = this.#delivery.catch(() => {}).then(() => this.#deliverNow());
    return this.#delivery;
  }

  async #deliverNow(): Promise<void> {
    for (const { follower, onLog } of this.#listeners) {
      await follower.poll((line) => {
        try {
          onLog(line);
        } catch (error) {
          this.#logger.warn({ job: this.id, error: errorMessage(error) }, 'a log listener failed');
        }
      });
    }
  }

  /** Runs `work` every `ms` until the signal aborts; its errors are told and do not end it. */
  async #repeat(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await work().catch((error) => {
        this.#logger.warn({ job: this.id, error: errorMessage(error) }, 'a look at a job failed');
      });
      await sleep(ms, signal).catch(() => {});
    }
  }
}
