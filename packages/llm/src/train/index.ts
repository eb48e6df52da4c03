export * from './hyperparameters.ts';
export * from './schedule.ts';
export * from './train-model.ts';
export { countSteps } from './training-loop.ts';
