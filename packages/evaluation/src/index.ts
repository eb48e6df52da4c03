export { checkFileList, type FileListLimits, isSubmissionFile } from './file-list.ts';
export type { EvaluationProgress } from './job-input.ts';
export { type EvaluationOutcome, evaluationOutcomeSchema } from './outcome.ts';
export { type EvaluationArgs, type EvaluationOptions, evaluationCommand, runEvaluation } from './run-evaluation.ts';
