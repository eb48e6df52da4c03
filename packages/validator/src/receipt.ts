import { createHash } from 'node:crypto';
import type { Signer } from '@tuning/kit';
import {
  canonicalJson,
  type Json,
  PROMPT_FORMAT,
  type Receipt,
  type ReceiptEntry,
  receiptMessage,
  receiptSchema,
  type TaskRequest,
} from '@tuning/protocol';
import { sequenceLenOf } from './offer.ts';
import { needSchedule } from './schedule.ts';
import type { ValidatorServices } from './services.ts';
import { finalVerdict } from './stages/evaluating.ts';
import type { TaskSteps } from './task-steps.ts';

/** Everything that decided the task, signed. The seed is revealed here, after the deadline. */
export function buildReceipt(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Receipt {
  const { store, chain, config, hotkey } = services;
  const { taskId } = steps;
  const [source, split, seal, draw, ranking, base] = [
    steps.need('source'),
    steps.need('split'),
    steps.need('seal'),
    steps.need('draw'),
    steps.need('ranking'),
    steps.need('base'),
  ];
  const members = store.members.list(taskId);
  const group = members.filter(({ answer }) => answer === 'accepted');
  const entries = group.map(({ hotkey: member, uid }): ReceiptEntry => {
    const placement = ranking.placements.find((item) => item.hotkey === member);
    const found = steps.peekMember('submission', member)?.found;
    const reported = steps.peekMember('fetch', member)?.reported;
    const synthetic = steps.peekMember('synthetic', member)?.sets['synthetic'];
    const test = steps.peekMember('test', member)?.sets['test'];
    return {
      uid,
      hotkey: member,
      verdict: finalVerdict(steps, member, ranking.verdicts[member]!),
      passedGate: ranking.gate.includes(member),
      score: ranking.scores.find((item) => item.hotkey === member)?.score ?? 0,
      ...(found ? { submission: found } : {}),
      ...(synthetic ? { synthetic } : {}),
      ...(test ? { test } : {}),
      ...(reported ? { reportedTrainLoss: reported.loss, reportedSteps: reported.steps } : {}),
      ...(placement ? { rank: placement.rank } : {}),
      ...(placement?.tieChance === undefined ? {} : { tieChance: placement.tieChance }),
    };
  });
  const eligible = group
    .map(({ hotkey: member }) => member)
    .filter((member) => ranking.verdicts[member]?.code === 'accepted');
  const winner = ranking.placements.find(({ rank }) => rank === 1)?.hotkey;
  const published = steps.need('publish');
  const body = {
    version: 1 as const,
    taskId,
    genesisHash: chain.genesisHash,
    netuid: config.netuid,
    validator: hotkey.address,
    model: source.model,
    datasetType: request.dataset_type,
    promptFormat: PROMPT_FORMAT,
    sequenceLen: sequenceLenOf(services, request),
    seal: {
      seal: split.seal,
      seed: steps.need('seed'),
      datasetDigest: source.digest,
      trainDigest: split.trainDigest,
      testDigest: split.testDigest,
      syntheticDigest: split.syntheticDigest,
      ...(split.splitVersion ? { splitVersion: split.splitVersion } : {}),
      ...(split.synthesis ? { syntheticGenerator: split.synthesis.account.generator } : {}),
      block: seal.block,
    },
    rows: split.rows,
    train: { repo: published.repo, revision: published.revision },
    draw: {
      block: draw.block,
      blockHash: draw.blockHash,
      eligible: draw.eligible,
      order: draw.order,
      declined: members
        .filter(({ answer }) => answer !== 'accepted')
        .map((member) => ({ hotkey: member.hotkey, reason: member.reason ?? member.answer })),
    },
    deadlineBlock: needSchedule(services, taskId).deadlineBlock,
    base: { synthetic: base.sets['synthetic']!.summary, test: base.sets['test']!.summary },
    ranking: { block: ranking.block, work: ranking.work, eligible, gate: ranking.gate },
    entries,
    ...(winner ? { winner } : {}),
  };
  return signReceipt(body, hotkey);
}

function signReceipt(body: Receipt['body'], hotkey: Signer): Receipt {
  // OpenSSL's sha256: the body of a large group has some MB, and this is the daemon's event loop.
  const digest = createHash('sha256')
    .update(canonicalJson(body as unknown as Json))
    .digest('hex');
  const signature = Buffer.from(hotkey.sign(receiptMessage(digest))).toString('hex');
  return receiptSchema.parse({ body, digest, signature });
}
