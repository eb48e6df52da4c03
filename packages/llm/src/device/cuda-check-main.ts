import { errorMessage } from '@tuning/kit';
import { computeOnCuda } from './cuda-check.ts';

// A process of its own: what a broken driver or library does to it, a crash included, does not reach the daemon, and CUDA's
// libraries do not stay in the daemon's memory. onnxruntime says what is missing on stderr only.
computeOnCuda().catch((error: unknown) => {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = 1;
});
