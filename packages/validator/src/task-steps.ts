import { syntheticReportSchema } from '@tuning/dataset';
import { tensorSketchSchema } from '@tuning/evaluation';
import {
  datasetFileSchema,
  measurementSchema,
  repoIdSchema,
  repoPathSchema,
  revisionSchema,
  sha256Schema,
  trainRowsSchema,
  verdictSchema,
} from '@tuning/protocol';
import type { StepRepository } from '@tuning/store';
import { z } from 'zod';

const block = z.number().int().min(0);
const outcome = z.object({
  verdict: verdictSchema,
  kind: z.enum(['full', 'adapter', 'base']),
  weightsDigest: z.string().optional(),
  sketch: z.array(tensorSketchSchema).optional(),
  sets: z.record(z.string(), measurementSchema),
});

/** Every step of a task that is done once and remembered, with the shape of its result. */
export const stepSchemas = {
  /** Where the rows came from; written when the order is accepted. */
  source: z.object({
    digest: sha256Schema,
    rows: z.number().int(),
    source: z.union([
      z.object({
        kind: z.literal('hf'),
        repo: z.string(),
        revision: z.string(),
        files: z.array(z.string()),
        licence: z.array(z.string()).optional(),
      }),
      z.object({ kind: z.literal('file'), path: z.string() }),
    ]),
    model: z.object({ repo: repoIdSchema, revision: revisionSchema }),
  }),
  /** 32 bytes hex. Secret until the deadline. */
  seed: sha256Schema,
  split: z.object({
    trainDigest: sha256Schema,
    testDigest: sha256Schema,
    syntheticDigest: sha256Schema,
    /** Absent in tasks that were split by version 1. */
    splitVersion: z.literal([1, 2]).optional(),
    seal: sha256Schema,
    syntheticCount: z.number().int(),
    rows: z.object({
      dataset: z.number().int(),
      train: z.number().int(),
      test: z.number().int(),
      synthetic: z.number().int(),
    }),
    /** The train rows as JSON lines. A path is in tasks of older versions, which published this file. */
    file: trainRowsSchema,
    /** Absent in tasks of older versions. */
    synthesis: syntheticReportSchema.optional(),
  }),
  /** Either the one JSON lines file or the shards; neither in tasks of older versions, see `split.file`. */
  publish: z.object({
    repo: repoIdSchema,
    revision: revisionSchema,
    path: repoPathSchema.optional(),
    shards: z.array(datasetFileSchema).optional(),
  }),
  seal: z.object({ block }),
  draw: z.object({
    block,
    blockHash: z.string(),
    eligible: z.array(z.object({ uid: z.number().int(), hotkey: z.string(), weight: z.number() })),
    order: z.array(z.string()),
  }),
  base: outcome,
  ranking: z.object({
    block,
    /** Verdict of each member when the gate was drawn. */
    verdicts: z.record(z.string(), verdictSchema),
    gate: z.array(z.string()),
    work: z.number(),
    placements: z.array(
      z.object({ hotkey: z.string(), rank: z.number().int(), loss: z.number(), tieChance: z.number().optional() }),
    ),
    scores: z.array(z.object({ hotkey: z.string(), score: z.number() })),
  }),
} as const;

/** Steps that exist once per member of the group. */
export const memberStepSchemas = {
  submission: z.object({
    found: z.object({ repo: repoIdSchema, revision: revisionSchema, digest: z.string(), block }).optional(),
    verdict: verdictSchema.optional(),
  }),
  fetch: z.object({
    verdict: verdictSchema.optional(),
    reported: z.object({ loss: z.number(), steps: z.number().int() }).optional(),
  }),
  synthetic: outcome,
  test: outcome,
} as const;

export type StepName = keyof typeof stepSchemas;
export type MemberStepName = keyof typeof memberStepSchemas;
export type StepValue<N extends StepName> = z.infer<(typeof stepSchemas)[N]>;
export type MemberStepValue<N extends MemberStepName> = z.infer<(typeof memberStepSchemas)[N]>;

/**
 * The memory of one task: a step is computed once, its result survives any crash, and the first result stays. That is
 * what makes a task killed anywhere end with the same receipt.
 */
export class TaskSteps {
  readonly #repository: StepRepository;
  readonly taskId: string;

  constructor(repository: StepRepository, taskId: string) {
    this.#repository = repository;
    this.taskId = taskId;
  }

  peek<N extends StepName>(name: N): StepValue<N> | undefined {
    const value = this.#repository.get(this.taskId, name);
    return value === undefined ? undefined : (stepSchemas[name].parse(value) as StepValue<N>);
  }

  /** @throws Error when the step was not done; for steps that an earlier state guarantees. */
  need<N extends StepName>(name: N): StepValue<N> {
    const value = this.peek(name);
    if (value === undefined) throw new Error(`task ${this.taskId} has no result of step "${name}"`);
    return value;
  }

  async once<N extends StepName>(name: N, work: () => Promise<StepValue<N>> | StepValue<N>): Promise<StepValue<N>> {
    return this.peek(name) ?? this.put(name, await work());
  }

  put<N extends StepName>(name: N, value: StepValue<N>): StepValue<N> {
    return stepSchemas[name].parse(this.#repository.put(this.taskId, name, value)) as StepValue<N>;
  }

  peekMember<N extends MemberStepName>(name: N, hotkey: string): MemberStepValue<N> | undefined {
    const value = this.#repository.get(this.taskId, `${name}:${hotkey}`);
    return value === undefined ? undefined : (memberStepSchemas[name].parse(value) as MemberStepValue<N>);
  }

  async onceMember<N extends MemberStepName>(
    name: N,
    hotkey: string,
    work: () => Promise<MemberStepValue<N>> | MemberStepValue<N>,
  ): Promise<MemberStepValue<N>> {
    const known = this.peekMember(name, hotkey);
    if (known) return known;
    const stored = this.#repository.put(this.taskId, `${name}:${hotkey}`, await work());
    return memberStepSchemas[name].parse(stored) as MemberStepValue<N>;
  }
}
