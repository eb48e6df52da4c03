export * from './cpu-trainer-command.ts';
export { readCurve } from './curve-log.ts';
export { type TrainingProgress, type TrainingResult, trainingProgressSchema, trainingResultSchema } from './outcome.ts';
export * from './recipe.ts';
export * from './recipe-hyperparameters.ts';
export * from './recipe-schema.ts';
export { createTrainingWorker } from './worker.ts';
export type { TrainingWorker, TrainingWorkerOptions } from './worker-options.ts';
