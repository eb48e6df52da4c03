export * from './hyperparameters.ts';
export * from './train-model.ts';
