export { receiptMessage } from './receipt.ts';
export { type RunValidatorArgs, runValidator } from './validator.ts';
