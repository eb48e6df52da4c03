import {
  checkTensors,
  floatBytes,
  MAPPED_FROM_BYTES,
  type ModelConfig,
  openModelWeights,
  readModelConfig,
} from '@tuning/llm';
import type { Verdict } from '@tuning/protocol';
import { changeEvidence } from './fine-tune.ts';
import { checkFolder } from './folder-check.ts';
import type { EvaluationJobInput, EvaluationProgress, SharedJobInput } from './job-input.ts';
import { type Base, holdBase, type Judgement, judgeSubmission, type WeightSpace } from './judge.ts';
import { type Candidate, measureTogether } from './measure-together.ts';
import type { EvaluationOutcome } from './outcome.ts';
import { encodeSketch } from './sketch-wire.ts';

type OnProgress = (progress: EvaluationProgress) => void;

/**
 * The work of the job of one submission: judge, then measure each set. Blocks the event loop.
 * @throws as `evaluateShared`.
 */
export async function evaluate(
  { submissionDir, ...rest }: EvaluationJobInput,
  onProgress: OnProgress,
  space: WeightSpace,
): Promise<EvaluationOutcome> {
  const input = { ...rest, submissionDirs: [submissionDir ?? null], weightBytes: 0 };
  const [outcome] = await evaluateShared(input, ({ model: _, ...progress }) => onProgress(progress), space);
  return outcome!;
}

/**
 * The work of the job of several submissions on one base: judge each, and measure them together, as many at a time as
 * `weightBytes` has room for. Each outcome is what its submission has alone. Blocks the event loop.
 * @param space where what an adapter changes of a large model may be written.
 * @returns outcomes in the order of `submissionDirs`.
 * @throws BadInputError where the base or the sets are unusable; what is wrong with a submission is in its verdict.
 */
export async function evaluateShared(
  input: SharedJobInput,
  onProgress: OnProgress,
  space: WeightSpace,
): Promise<EvaluationOutcome[]> {
  const config = await readModelConfig(input.baseDir);
  const store = await openModelWeights(config, input.baseDir);
  const outcomes = new Array<EvaluationOutcome>(input.submissionDirs.length);
  const fit: Candidate[] = [];
  try {
    checkTensors(config, store);
    const base: Base = { dir: input.baseDir, config, store };
    const atOnce = modelsAtOnce(config, input.weightBytes, space);
    for (const [index, dir] of input.submissionDirs.entries()) {
      const judged = await judge(base, dir, input, space);
      if ('held' in judged) fit.push({ index, ...judged });
      else outcomes[index] = judged;
      const isLast = index + 1 === outcomes.length;
      if (fit.length === 0 || (fit.length < atOnce && !isLast)) continue;
      const measured = await measureTogether(base, fit, input, onProgress);
      for (const [at, outcome] of measured.entries()) outcomes[fit[at]!.index] = outcome;
      for (const { held } of fit.splice(0)) await held.close();
    }
    return outcomes;
  } finally {
    for (const { held } of fit) await held.close();
    await store.close();
  }
}

/** How many models' weights may be held. Mapped ones share no session, and their pages count as the job's memory: one. */
function modelsAtOnce(config: ModelConfig, weightBytes: number, { mapped }: WeightSpace): number {
  const bytes = floatBytes(config);
  return (mapped ?? bytes >= MAPPED_FROM_BYTES) ? 1 : Math.max(1, Math.floor(weightBytes / bytes));
}

/** The outcome of what is refused, or what is to be measured. */
async function judge(
  base: Base,
  dir: string | null,
  { anyFiles, expected, sketchSeed }: SharedJobInput,
  space: WeightSpace,
): Promise<EvaluationOutcome | Omit<Candidate, 'index'>> {
  if (dir === null) {
    const verdict: Verdict = { code: 'accepted', reason: 'the base model itself was measured' };
    return { held: await holdBase(base, space), found: { kind: 'base', verdict } };
  }
  const foreign = anyFiles ? undefined : await checkFolder(dir);
  if (foreign) return { kind: 'full', verdict: foreign, sets: {}, dropped: {} };
  const named = expected && { repo: expected.baseRepo, revision: expected.baseRevision };
  const seed = sketchSeed === undefined ? undefined : Buffer.from(sketchSeed, 'hex');
  const judgement = await judgeSubmission(base, dir, named, space, seed);
  const found = findings(judgement);
  const { verdict, held } = judgement;
  if (verdict || !held) return { ...found, verdict: verdict!, sets: {}, dropped: {} };
  return { held, found: { ...found, verdict: accepted(judgement) } };
}

/** What was found out about the weights, whatever the verdict. */
function findings({ kind, weightsDigest, comparison, sketch }: Judgement) {
  return {
    kind,
    ...(weightsDigest === undefined ? {} : { weightsDigest }),
    ...(comparison === undefined
      ? {}
      : {
          changes: comparison.tensors.map(({ name, relative, cosine, turned }) => ({ name, relative, cosine, turned })),
        }),
    ...(sketch === undefined ? {} : { sketch: encodeSketch(sketch) }),
  };
}

function accepted({ kind, comparison }: Judgement): Verdict {
  return {
    code: 'accepted',
    reason: kind === 'adapter' ? 'a LoRA adapter of the base model' : 'a full fine-tune of the base model',
    ...(comparison ? { evidence: changeEvidence(comparison) } : {}),
  };
}
