import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type Comparable, decodeSketch, type EvaluationOutcome, findCopy } from '@tuning/evaluation';
import { errorCode, errorMessage, GIB } from '@tuning/kit';
import { modelTensors, readModelConfig } from '@tuning/llm';
import type { TaskRequest, Verdict } from '@tuning/protocol';
import { passGate, RULES, rankFinalists, scoreTask, workOf } from '@tuning/tournament';
import type { EvaluationRequest } from '../evaluation-queue.ts';
import { sequenceLenOf } from '../offer.ts';
import { needSchedule } from '../schedule.ts';
import type { ValidatorServices } from '../services.ts';
import { chooseSubmission } from '../submission-choice.ts';
import { fetchSubmission } from '../submission-fetch.ts';
import { taskFolder } from '../task-folder.ts';
import type { MemberStepValue, TaskSteps } from '../task-steps.ts';

/** Blocks after the grace window that one repo's faults may hold the task up: a day on finney. */
const RECOVERY_BLOCKS = 7_200;

/** Verdict and losses of every member, copies found, gate passed, ranking and scores stored. */
export async function evaluateTask(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  const { store, chain, config, signal, logger } = services;
  const { taskId } = steps;
  const group = store.members.list(taskId).filter(({ answer }) => answer === 'accepted');
  // All must come to an end before an error ends the stage: its next try would work in the same folders.
  const brought = await Promise.allSettled(group.map(({ hotkey }) => bring(services, steps, hotkey)));
  for (const result of brought) if (result.status === 'rejected') throw result.reason;
  for (const { hotkey, uid } of group) await measure(services, steps, request, hotkey, uid, 'synthetic');

  const verdicts = judge(
    steps,
    group.map(({ hotkey }) => hotkey),
  );
  const valid = group.filter(({ hotkey }) => verdicts.get(hotkey)?.code === 'accepted').map(({ hotkey }) => hotkey);
  const gate = passGate(
    valid.map((hotkey) => ({
      hotkey,
      loss: steps.peekMember('synthetic', hotkey)!.sets['synthetic']!.summary.loss,
      block: steps.peekMember('submission', hotkey)!.found!.block,
    })),
  );
  for (const { hotkey, uid } of group)
    if (gate.includes(hotkey)) await measure(services, steps, request, hotkey, uid, 'test');

  await steps.once('ranking', async () => {
    const baseLoss = steps.need('base').sets['test']!.summary.loss;
    const finalists = gate.flatMap((hotkey) => {
      const test = steps.peekMember('test', hotkey)?.sets['test'];
      if (!test) return [];
      return [
        {
          hotkey,
          block: steps.peekMember('submission', hotkey)!.found!.block,
          rows: test.rows,
          loss: test.summary.loss,
        },
      ];
    });
    const placements = rankFinalists({ entries: finalists, baseLoss, seed: taskId });
    const scores = scoreTask({ ranked: placements, baseLoss, group: group.map(({ hotkey }) => hotkey) });
    const { rows } = steps.need('split');
    const parameters = await parametersOf(services, steps);
    return {
      block: chain.head.number,
      verdicts: Object.fromEntries(verdicts),
      gate,
      placements: [...placements],
      scores,
      work: workOf({ rows: rows.train, parameters }),
    };
  });
  const ranking = steps.need('ranking');
  store.scores.put(
    taskId,
    ranking.block,
    ranking.scores.map((score) => ({ ...score, work: ranking.work })),
  );
  logger.info(
    {
      taskId,
      gate: ranking.gate.length,
      ranked: ranking.placements.length,
      window: RULES.windowBlocks,
      netuid: config.netuid,
    },
    'task ranked',
  );
  signal.throwIfAborted();
}

/** From the recorded commitments to files on disk, or a verdict. */
async function bring(services: ValidatorServices, steps: TaskSteps, hotkey: string): Promise<void> {
  const { store, chain, hub, config, folder, logger, signal } = services;
  const { deadlineBlock } = needSchedule(services, steps.taskId);
  const submission = await steps.onceMember('submission', hotkey, () =>
    chooseSubmission({
      taskId: steps.taskId,
      hotkey,
      records: store.commitments.forTask(steps.taskId),
      fromBlock: steps.need('draw').block,
      deadlineBlock,
    }),
  );
  const { found } = submission;
  if (!found) return;
  const to = taskFolder(folder, steps.taskId).submission(hotkey);
  // The memo says "fetched": the files must be there too, unless a verdict needs none.
  const known = steps.peekMember('fetch', hotkey);
  if (known && (known.verdict || (await isFolder(to)))) return;
  const graceEnd = deadlineBlock + config.tournament.grace_blocks;
  const hubWorks = () =>
    store.members.list(steps.taskId).some((member) => {
      const fetched = steps.peekMember('fetch', member.hotkey);
      return fetched !== undefined && fetched.verdict === undefined;
    });
  const fetched = await fetchSubmission({
    hub,
    hotkey,
    found,
    to,
    maxBytes: Math.round(config.evaluation.max_model_gb * GIB),
    mayStillAppear: () => chain.head.number <= graceEnd,
    // An outage of the hub itself is waited out: only where it gave out another submission is this repo the fault.
    mayStillRecover: () => chain.head.number <= graceEnd + RECOVERY_BLOCKS || !hubWorks(),
    logger,
    signal,
  });
  await steps.onceMember('fetch', hotkey, () => fetched);
  logger.info(
    { taskId: steps.taskId, hotkey, repo: found.repo, verdict: fetched.verdict?.code ?? 'fetched' },
    'submission fetched',
  );
}

async function measure(
  services: ValidatorServices,
  steps: TaskSteps,
  order: TaskRequest,
  hotkey: string,
  uid: number,
  set: 'synthetic' | 'test',
): Promise<void> {
  if (!steps.peekMember('submission', hotkey)?.found || steps.peekMember('fetch', hotkey)?.verdict) return;
  await steps.onceMember(set, hotkey, async () => {
    const files = taskFolder(services.folder, steps.taskId);
    const { model } = steps.need('source');
    const request = {
      id: `${set}-${steps.taskId}-${uid}`,
      root: files.evaluations,
      submissionDir: files.submission(hotkey),
      expected: { baseRepo: model.repo, baseRevision: model.revision },
      // Copies are looked for once, before the gate.
      ...(set === 'synthetic' ? { sketchSeed: sketchSeed(steps) } : {}),
      sets: [{ name: set, rowsFile: files[set] }],
      datasetType: order.dataset_type,
      sequenceLen: sequenceLenOf(services, order),
    };
    const outcome = await services.models.use(
      model,
      (baseDir) => runOrRefuse(services, { ...request, baseDir }),
      services.signal,
    );
    services.logger.info(
      { taskId: steps.taskId, hotkey, set, verdict: outcome.verdict.code, loss: outcome.sets[set]?.summary.loss },
      'submission measured',
    );
    return outcome;
  });
}

/**
 * The base was measured by the same job on this machine, so a job that dies again and again on one submission dies of that
 * submission: it is refused by name, and the others' task goes on.
 */
async function runOrRefuse(services: ValidatorServices, request: EvaluationRequest): Promise<EvaluationOutcome> {
  try {
    return await services.evaluations.run(request, services.signal);
  } catch (error) {
    services.signal.throwIfAborted();
    if (errorCode(error) !== 'EVALUATION_FAILED') throw error;
    const verdict = {
      code: 'evaluation_limit' as const,
      reason: `the evaluation ended abnormally each time: ${errorMessage(error).slice(0, 500)}`,
    };
    return { verdict, kind: 'full', sets: {}, dropped: {} };
  }
}

/** The verdict of each member before the gate, with copies found: what two have in common belongs to the earlier block. */
export function judge(steps: TaskSteps, hotkeys: readonly string[]): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const originals: Comparable[] = [];
  const baseRows = steps.peek('base')?.sets['synthetic']?.rows;
  const members = hotkeys.map((hotkey) => comparable(steps, hotkey));
  members.sort((a, b) => a.block - b.block || (a.hotkey < b.hotkey ? -1 : 1));
  for (const member of members) {
    const own = verdictOf(steps, member.hotkey);
    const copy = own.code === 'accepted' ? findCopy(member, originals, baseRows) : undefined;
    if (own.code === 'accepted' && !copy) originals.push(member);
    verdicts.set(member.hotkey, copy ?? own);
  }
  return verdicts;
}

function comparable(steps: TaskSteps, hotkey: string): Comparable {
  const measured = steps.peekMember('synthetic', hotkey);
  return {
    hotkey,
    block: steps.peekMember('submission', hotkey)?.found?.block ?? Number.MAX_SAFE_INTEGER,
    weightsDigest: measured?.weightsDigest,
    sketch: measured?.sketch && decodeSketch(measured.sketch),
    rows: measured?.sets['synthetic']?.rows,
  };
}

/**
 * Under which the changes of a task's submissions are sketched: from the split's seed, which is sealed before the draw and
 * secret until the deadline, so that no copier can aim at it and no validator choose it afterwards.
 */
function sketchSeed(steps: TaskSteps): string {
  return createHash('sha256')
    .update(`tuning/sketch-seed/1\0${steps.taskId}\0${steps.need('seed')}`)
    .digest('hex');
}

function verdictOf(steps: TaskSteps, hotkey: string): Verdict {
  const submission: MemberStepValue<'submission'> | undefined = steps.peekMember('submission', hotkey);
  return (
    submission?.verdict ??
    steps.peekMember('fetch', hotkey)?.verdict ??
    steps.peekMember('synthetic', hotkey)?.verdict ?? { code: 'no_submission', reason: 'nothing was measured' }
  );
}

/** What a member is told in the end: a test measurement that failed (limits, non-finite loss) outweighs the judgement. */
export function finalVerdict(steps: TaskSteps, hotkey: string, judged: Verdict): Verdict {
  const test = steps.peekMember('test', hotkey)?.verdict;
  return test && test.code !== 'accepted' ? test : judged;
}

/** Parameters of the base model, from the tensors that its config implies. */
async function parametersOf(services: ValidatorServices, steps: TaskSteps): Promise<number> {
  const config = await services.models.use(steps.need('source').model, readModelConfig, services.signal);
  let total = 0;
  for (const shape of modelTensors(config).values()) total += shape.reduce((product, size) => product * size, 1);
  return total;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
