export { openGenerator } from './synthetic-generator.ts';
export { type RunValidatorArgs, runValidator } from './validator.ts';
