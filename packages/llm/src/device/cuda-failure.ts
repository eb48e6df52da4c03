import { OperatorError } from '@tuning/kit';

/** Runs the package's own install script, which .npmrc and package.json's allowScripts keep from running by itself. */
export const INSTALL_COMMAND = 'ONNXRUNTIME_NODE_INSTALL=1 node node_modules/onnxruntime-node/script/install.js';

const PROVIDER = /^libonnxruntime_providers_(cuda|shared)\.so$/;
const DRIVER = 'libcuda.so.1';

/**
 * What the operator has to do, from what onnxruntime 1.30 wrote when it could not compute on a GPU. The codes:
 * `CUDA_PROVIDER_MISSING`, `CUDA_DRIVER_MISSING`, `CUDA_LIBRARY_MISSING`, `CUDA_DEVICE_UNUSABLE`, else `CUDA_UNUSABLE`.
 */
export function cudaFailure(output: string): OperatorError {
  const absent = /(?:with error: |: )?(?:\S*\/)?([\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(output)?.[1];
  if (absent !== undefined && PROVIDER.test(absent)) {
    return new OperatorError(
      'CUDA_PROVIDER_MISSING',
      `onnxruntime-node has no CUDA provider (${absent}): install it with "${INSTALL_COMMAND}", or measure on the CPU`,
    );
  }
  if (absent === DRIVER) {
    return new OperatorError(
      'CUDA_DRIVER_MISSING',
      `there is no NVIDIA driver (${DRIVER}): install it, and start a container with --gpus all; or measure on the CPU`,
    );
  }
  if (absent !== undefined) {
    return new OperatorError(
      'CUDA_LIBRARY_MISSING',
      `onnxruntime's CUDA provider needs ${absent}: install CUDA and cuDNN of that version and name their folders in LD_LIBRARY_PATH, or measure on the CPU`,
    );
  }
  const failure = /CUDA failure (\d+): ([^;\n]+)/.exec(output);
  if (failure) {
    return new OperatorError(
      'CUDA_DEVICE_UNUSABLE',
      `CUDA says "${failure[2]!.trim()}" (${failure[1]}): see nvidia-smi and CUDA_VISIBLE_DEVICES, or measure on the CPU`,
    );
  }
  const last = output.trim().split('\n').at(-1)?.trim() ?? '';
  const what = last === '' ? 'the check ended without a word' : last.slice(0, 500);
  return new OperatorError('CUDA_UNUSABLE', `this machine cannot measure on a GPU: ${what}; or measure on the CPU`);
}
