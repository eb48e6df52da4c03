import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import { errorMessage, folderBytes, sleep } from '@tuning/kit';
import type { JobOutcome, JobSpec } from './job.ts';
import { jobDirVariable, killJob, sendSignal } from './kill-family.ts';
import { LineSplitter } from './lines.ts';
import { LogWriter } from './log-segments.ts';
import {
  carriersOf,
  familyOf,
  identityOf,
  type ProcessIdentity,
  type ProcessStat,
  processTable,
  residentBytes,
} from './procfs.ts';
import { claimSupervision, readJobFile, writeExit, writeProcess } from './registry.ts';

/** Often enough that a job cannot take much more than its limit between two looks; one look costs a few ms. */
const MEMORY_EVERY_MS = 250;
/** Walking the job folder and reading every environment is dearer. */
const FOLDER_EVERY_MS = 2_000;
/** Time for the last output to come through the pipes once the command has ended. */
const DRAIN_MS = 1_000;
/** The daemons must answer their peers while jobs use every core. */
const JOB_NICENESS = 5;
/** In a shortage the kernel should take a job, which can be started again, before a daemon. Range -1000 to 1000. */
const JOB_OOM_SCORE = '500';

/** A SIGKILL that is not ours is most often the kernel's, in a shortage of memory. */
const endedBy = (signal: NodeJS.Signals) =>
  signal === 'SIGKILL' ? 'ended by SIGKILL (the machine may be out of memory)' : `ended by ${signal}`;

const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

/** What the job gets to see of the machine's environment: no token of the daemon can be in it. */
export function jobEnvironment(spec: JobSpec): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LANG: process.env['LANG'] ?? 'C.UTF-8',
    HOME: spec.dir,
    // onnxruntime-node reports over HTTPS otherwise.
    ORT_DISABLE_TELEMETRY: '1',
    ...spec.env,
    TUNING_JOB_DIR: spec.dir,
  };
}

/** Runs one command to its end, within its limits. */
class Supervision {
  readonly #folder: string;
  readonly #spec: JobSpec;
  readonly #log: LogWriter;
  readonly #startedAt = Date.now();
  #child: ChildProcess | undefined;
  #leader: ProcessIdentity | undefined;
  #ending: { outcome: JobOutcome; reason: string } | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #strays: readonly ProcessStat[] = [];
  #peakRssBytes = 0;
  #bytesAtStart = 0;

  constructor(folder: string, spec: JobSpec) {
    this.#folder = folder;
    this.#spec = spec;
    this.#log = new LogWriter(folder);
  }

  /** Ends the job early: SIGTERM and after the grace time SIGKILL, or SIGKILL at once. The first reason counts. */
  end(outcome: JobOutcome, reason: string, atOnce = false): void {
    if (!this.#ending) {
      this.#ending = { outcome, reason };
      if (!atOnce && this.#child?.pid !== undefined) sendSignal(-this.#child.pid, 'SIGTERM');
      this.#killTimer = setTimeout(() => this.#kill(), atOnce ? 0 : this.#spec.limits.graceMs);
    } else if (atOnce) {
      this.#kill();
    }
  }

  /** SIGKILL to every process of the job. */
  async abandon(): Promise<void> {
    await killJob(this.#spec.dir, this.#leader);
  }

  async run(): Promise<void> {
    this.#bytesAtStart = await folderBytes(this.#spec.dir);
    const { exitCode, reason } = this.#ending ? { exitCode: null, reason: '' } : await this.#runCommand();
    clearTimeout(this.#killTimer);
    await this.abandon();
    if (!this.#ending) await this.#checkFolder();
    const { outcome, reason: why } = this.#ending ?? {
      outcome: exitCode === 0 ? ('completed' as const) : ('failed' as const),
      reason,
    };
    this.#log.close();
    await writeExit(this.#folder, {
      outcome,
      exitCode,
      reason: why,
      startedAt: this.#startedAt,
      endedAt: Date.now(),
      peakRssBytes: this.#peakRssBytes,
    });
  }

  async #runCommand(): Promise<{ exitCode: number | null; reason: string }> {
    const { command, dir, limits } = this.#spec;
    const child = spawn(command[0]!, command.slice(1), {
      cwd: dir,
      env: jobEnvironment(this.#spec),
      // A session and group of its own: the whole of it can be signalled.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const ended = new Promise<{ exitCode: number | null; reason: string }>((resolve) => {
      child.once('error', (error) => resolve({ exitCode: null, reason: `cannot start: ${errorMessage(error)}` }));
      child.once('exit', (code, signal) =>
        resolve({ exitCode: code, reason: signal ? endedBy(signal) : `exit code ${code}` }),
      );
    });
    const drained = Promise.all([this.#record(child.stdout), this.#record(child.stderr)]);
    if (child.pid !== undefined) {
      this.#leader = identityOf(child.pid);
      this.#lowerPriority(child.pid);
      if (this.#leader) await writeProcess(this.#folder, this.#leader);
    }
    const wall = performance.now() + limits.wallMs;
    const timers = [
      this.#every(MEMORY_EVERY_MS, async () => {
        this.#checkMemory();
        if (performance.now() > wall) this.end('timeout', `ran longer than its limit of ${limits.wallMs} ms`);
      }),
      this.#every(FOLDER_EVERY_MS, () => this.#checkFolder()),
    ];
    try {
      const result = await ended;
      // What the command left behind may hold the pipes open for ever.
      await this.abandon();
      await Promise.race([drained, sleep(DRAIN_MS)]);
      return result;
    } finally {
      for (const timer of timers) clearInterval(timer);
      child.stdout.destroy();
      child.stderr.destroy();
    }
  }

  #record(stream: Readable): Promise<void> {
    const lines = new LineSplitter();
    return new Promise((resolve) => {
      stream.on('data', (chunk: Buffer) => this.#log.write(lines.push(chunk)));
      stream.once('error', () => resolve());
      stream.once('close', () => {
        this.#log.write(lines.end());
        resolve();
      });
    });
  }

  #every(ms: number, work: () => Promise<void>): NodeJS.Timeout {
    let busy = false;
    return setInterval(() => {
      if (busy) return;
      busy = true;
      work()
        // One failed look must not end the supervision; the next one comes soon.
        .catch((error) => process.stderr.write(`${errorMessage(error)}\n`))
        .finally(() => {
          busy = false;
        });
    }, ms);
  }

  #checkMemory(): void {
    const pids = new Set(this.#strays.map(({ pid }) => pid));
    if (this.#leader) for (const { pid } of familyOf(this.#leader.pid, processTable())) pids.add(pid);
    const used = [...pids].reduce((sum, pid) => sum + residentBytes(pid), 0);
    this.#peakRssBytes = Math.max(this.#peakRssBytes, used);
    const allowed = this.#spec.limits.memoryBytes;
    if (used > allowed) this.end('memory', `used ${mib(used)} of memory, ${mib(allowed)} are allowed`, true);
  }

  async #checkFolder(): Promise<void> {
    const { dir, limits } = this.#spec;
    this.#strays = carriersOf(jobDirVariable(dir), processTable());
    const grown = (await folderBytes(dir)) - this.#bytesAtStart;
    if (grown > limits.outputBytes) {
      this.end('output', `wrote ${mib(grown)} to its folder, ${mib(limits.outputBytes)} are allowed`);
    }
  }

  #lowerPriority(pid: number): void {
    try {
      setPriority(pid, JOB_NICENESS);
      writeFileSync(`/proc/${pid}/oom_score_adj`, JOB_OOM_SCORE);
    } catch {
      // A command that has already ended, or a system that forbids it: the job runs all the same.
    }
  }

  #kill(): void {
    this.abandon().catch((error) => process.stderr.write(`${errorMessage(error)}\n`));
  }
}

/**
 * Supervises the job registered in `folder` from its start to its end, then returns. Does nothing where the job already
 * has a supervisor. SIGTERM, SIGINT or SIGHUP to this process stops the job.
 */
export async function supervise(folder: string): Promise<void> {
  const job = await readJobFile(folder);
  const self = identityOf(process.pid);
  if (!job || !self) throw new Error(`there is no job in ${folder}`);
  const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  let supervision: Supervision | undefined;
  let stopped = false;
  for (const signal of stopSignals) {
    process.on(signal, () => {
      stopped = true;
      supervision?.end('stopped', 'stopped on request');
    });
  }
  if (!(await claimSupervision(folder, self))) return;
  supervision = new Supervision(folder, job.spec);
  if (stopped) supervision.end('stopped', 'stopped before its start');
  try {
    await supervision.run();
  } catch (error) {
    // Without a supervisor the job would run without limits; the daemon finds it lost.
    await supervision.abandon();
    throw error;
  }
}
