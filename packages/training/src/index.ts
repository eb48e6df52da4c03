export * from './cpu-trainer-command.ts';
export { type TrainingProgress, type TrainingResult, trainingProgressSchema, trainingResultSchema } from './outcome.ts';
export * from './recipe.ts';
export { createTrainingWorker, type TrainingWorker, type TrainingWorkerOptions } from './worker.ts';
