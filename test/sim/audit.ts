import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import type { JobRecord } from '@tuning/store';
import { taskJobId } from '../../packages/miner/src/job-payload.ts';
import { readCurve } from '../../packages/training/src/curve-log.ts';
import type { Journal } from './journal.ts';
import type { PlannedJob } from './plan.ts';
import type { Kills } from './simulation.ts';

const FINAL = new Set(['Completed', 'Failed', 'Cancelled']);
/** Crashes that a job brings with it, each followed by one more start. */
const OWN_CRASHES = { trains: 0, cancelled: 0, input: 0, once: 1, always: 2 };

export interface AuditArgs {
  plan: readonly PlannedJob[];
  journal: Journal;
  kills: Kills;
  /** Tasks whose cancellation was confirmed. */
  cancelled: ReadonlySet<string>;
  folder: string;
  endpoint: string;
  token: string;
  leftovers(): Promise<string[]>;
}

/** Holds what is left after a simulation to what was planned. Every problem is one line. */
export async function audit(args: AuditArgs): Promise<{ problems: string[]; figures: Record<string, number> }> {
  const { plan, journal, kills, folder } = args;
  const problems: string[] = [];
  const jobs = new Map(journal.jobs.list().map((job) => [job.id, job]));
  if (jobs.size !== plan.length) problems.push(`${jobs.size} jobs in the store, ${plan.length} were offered`);
  const transitions = journal.transitions();
  const committed = await readCommitments(folder);
  const counts = { Completed: 0, Failed: 0, Cancelled: 0 };
  let starts = 0;
  let steps = 0;
  let trained = 0;
  let requeues = 0;
  for (const planned of plan) {
    const id = taskJobId(planned.task);
    const job = jobs.get(id);
    const tell = (problem: string) => problems.push(`${id} (${planned.fate}): ${problem}`);
    if (!job) {
      tell('is lost');
      continue;
    }
    const changes = transitions.filter(({ job: changed }) => changed === id);
    requeues += changes.filter(({ after }) => after === 'Queued').length;
    const ends = changes.filter(({ after }) => FINAL.has(after)).length;
    if (ends !== 1) tell(`came ${ends} times to an end`);
    if (changes.some(({ before }) => FINAL.has(before))) tell('was taken up again after its end');
    if (job.state in counts) counts[job.state as keyof typeof counts] += 1;
    for (const problem of judgeState(planned, job, args.cancelled.has(planned.task))) tell(problem);

    const trace = await readTrace(join(folder, 'jobs', id));
    starts += trace.runs;
    trained += trace.steps;
    const allowed = 1 + OWN_CRASHES[planned.fate] + (kills.ofJob.get(id) ?? 0);
    if (trace.runs > allowed) tell(`started ${trace.runs} times; its kills and crashes explain ${allowed}`);
    if (trace.overlaps) tell('two of its runs trained at the same time');
    if (job.state === 'Completed') {
      steps += planned.steps;
      const points = (await readCurve(join(folder, 'jobs', id, 'out', 'log.jsonl'))).map(({ step }) => step);
      if (points.length !== planned.steps || points.some((step, index) => step !== index + 1))
        tell('its loss curve does not have each step once');
    }
    for (const problem of await judgeSubmission(args, planned, job, committed.fields.get(planned.task) ?? new Set()))
      tell(problem);
  }
  problems.push(...(await args.leftovers()).map((leftover) => `left behind: ${leftover}`));
  return {
    problems,
    figures: {
      jobs: plan.length,
      ...counts,
      'starts of a trainer': starts,
      'times back in the queue': requeues,
      'steps of completed jobs': steps,
      'steps trained in all': trained,
      'commitments sent': committed.extrinsics,
    },
  };
}

function* judgeState({ fate, steps }: PlannedJob, job: JobRecord, cancelled: boolean): Generator<string> {
  const expected = fate === 'input' || fate === 'always' ? 'Failed' : cancelled ? 'Cancelled' : 'Completed';
  // A miner killed between cancelling and saying so has cancelled all the same.
  if (fate === 'cancelled' && !cancelled && job.state === 'Cancelled') return;
  if (job.state !== expected) yield `ended as ${job.state} (${job.error}), not as ${expected}`;
  const trained = (job.result as { steps?: number } | null)?.steps;
  if (job.state === 'Completed' && trained !== steps) yield `tells ${trained} steps of ${steps}`;
}

/** A completed job has exactly one submission, on the hub and on the chain, and it is this job's model; others have none. */
async function judgeSubmission(
  { journal, endpoint, token, folder }: AuditArgs,
  { task, steps }: PlannedJob,
  job: JobRecord,
  fields: ReadonlySet<string>,
): Promise<string[]> {
  const repo = `sim/t-${task}`;
  const answer = await fetch(`${endpoint}/api/models/${repo}/commits/main`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (job.state !== 'Completed') {
    const found = answer.status === 404 ? [] : [`the hub answers ${answer.status} for a submission it should not have`];
    return fields.size === 0 ? found : [...found, 'has a commitment'];
  }
  if (!answer.ok) return [`the hub answers ${answer.status} for its submission`];
  const commits = ((await answer.json()) as { id: string; title: string }[]).filter(({ title }) =>
    title.startsWith('Task '),
  );
  const problems: string[] = [];
  const assignment = journal.assignments.get(task);
  if (assignment?.state !== 'published') problems.push(`its assignment is ${assignment?.state}`);
  if (commits.length !== 1) problems.push(`was submitted ${commits.length} times`);
  if (fields.size !== 1) problems.push(`has ${fields.size} different commitments`);
  const revision = assignment?.revision ?? '';
  if (commits[0]?.id !== revision) problems.push(`the hub has ${commits[0]?.id}, the store says ${revision}`);
  if (![...fields].every((field) => field.includes(revision))) problems.push('another revision was committed');
  const hub = createHub({ endpoint, token: new Secret(token) });
  if ((await hub.resolve({ type: 'model', repo })).private) problems.push('its model is still private');
  const to = join(folder, 'read-back', task);
  const limits = { maxBytes: 2 ** 20, maxFiles: 10 };
  await hub.download({ type: 'model', repo, revision, to, limits });
  const weights = await readFile(join(to, 'model.safetensors'), 'utf8').catch(() => 'nothing');
  if (weights !== `weights of ${task} after ${steps} steps`) problems.push(`the hub has other weights: ${weights}`);
  return problems;
}

/** The runs of a job's trainer, from the lines "run step" that each writes at its start and after each step. */
async function readTrace(dir: string): Promise<{ runs: number; steps: number; overlaps: boolean }> {
  const text = await readFile(join(dir, 'out', 'trace'), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  const seen = new Set<string>();
  let current = '';
  let overlaps = false;
  for (const line of lines) {
    const run = line.split(' ')[0]!;
    if (run !== current && seen.has(run)) overlaps = true;
    seen.add(run);
    current = run;
  }
  return { runs: seen.size, steps: lines.length - seen.size, overlaps };
}

/** What was written to the chain: the different fields of each task, and how many extrinsics there were. */
async function readCommitments(folder: string): Promise<{ fields: Map<string, Set<string>>; extrinsics: number }> {
  const text = await readFile(join(folder, 'commitments.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  const fields = new Map<string, Set<string>>();
  for (const line of lines) {
    for (const field of (JSON.parse(line) as { fields: string[] }).fields) {
      const task = /t-([0-9a-f]{16})/.exec(field)?.[1] ?? 'none';
      fields.set(task, (fields.get(task) ?? new Set()).add(field));
    }
  }
  return { fields, extrinsics: lines.length };
}
