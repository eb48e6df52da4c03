import type { Device, Precision } from '@tuning/protocol';

/**
 * The precision of a device (see `HalfBuilder` for what stays float32 in float16). It is not to be chosen: losses of two precisions differ by more than good submissions do.
 * onnxruntime's attention kernel for CUDA takes 16 bits only, the one for the CPU computes in float32 whatever it is given.
 */
export const PRECISION_OF: Readonly<Record<Device, Precision>> = { cpu: 'float32', cuda: 'float16' };

/**
 * What a process that uses a GPU must be told of the environment: where CUDA's libraries lie, which GPUs to use and where
 * compiled kernels are kept. Nothing of it is secret. Names of NVIDIA's CUDA programming guide, "CUDA environment variables".
 */
const CUDA_VARIABLES = ['LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'CUDA_CACHE_PATH'] as const;

/** The variables of `env` that a process needs which measures on `device`, beside RUNTIME_ENVIRONMENT. */
export function deviceEnvironment(device: Device, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  if (device === 'cpu') return {};
  return Object.fromEntries(
    CUDA_VARIABLES.flatMap((name): [string, string][] => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
