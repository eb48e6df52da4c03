export { writeFileAtomic } from './atomic-file.ts';
export { GIB } from './byte-units.ts';
export { sleep, waitFor, withDeadline } from './deadline.ts';
export { freeBytes, isDiskFull, saysDiskFull } from './disk-full.ts';
export {
  BadInputError,
  EXIT_OPERATOR,
  errorCode,
  errorMessage,
  exitCodeOf,
  isTuningError,
  OperatorError,
  TransientError,
  TuningError,
} from './errors.ts';
export { folderBytes } from './folder-size.ts';
export { type Logger, silentLogger } from './logger.ts';
export { pathExists } from './path-exists.ts';
export { type RetryOptions, retry } from './retry.ts';
export { Secret } from './secret.ts';
export { ShutdownStack } from './shutdown.ts';
export type { Signer } from './signer.ts';
export { untilThereIsRoom } from './until-room.ts';
