import { TuningError } from '@tuning/kit';

/** A transaction that the chain refused. `code` is the module error's name, e.g. `SETTING_WEIGHTS_TOO_FAST`. */
export class ChainError extends TuningError {
  override readonly name = 'ChainError';
}
