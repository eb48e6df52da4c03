export { COPY_RULES, type Comparable, findCopy } from './copies.ts';
export { checkFileList, type FileListLimits, isSubmissionFile } from './file-list.ts';
export { checkChanged, checkFineTune } from './fine-tune.ts';
export type { EvaluationProgress } from './job-input.ts';
export { type EvaluationOutcome, evaluationOutcomeSchema } from './outcome.ts';
export { type EvaluationArgs, type EvaluationOptions, evaluationCommand, runEvaluation } from './run-evaluation.ts';
export { type DeltaSimilarity, deltaSimilarity, explainedBy, rowDistance } from './similarity.ts';
export { decodeSketch, encodeSketch, tensorSketchSchema, type WireSketch } from './sketch-wire.ts';
export { checkSubmission, type SubmissionCheckArgs } from './submission-check.ts';
