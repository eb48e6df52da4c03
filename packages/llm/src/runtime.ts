import { isMainThread } from 'node:worker_threads';
import { TuningError } from '@tuning/kit';
import type { Device } from '@tuning/protocol';
import type { InferenceSession } from 'onnxruntime-node';

type Runtime = typeof import('onnxruntime-node');
let runtime: Promise<Runtime> | undefined;

/** Environment that every process which may load onnxruntime needs: its telemetry is on by default and latched at the first session. */
export const RUNTIME_ENVIRONMENT = { ORT_DISABLE_TELEMETRY: '1' } as const;

/**
 * onnxruntime-node with its telemetry off, loaded on first use: daemons that only read configs never load the library.
 * @throws TuningError `RUNTIME_TELEMETRY` in a worker thread whose process was started without ORT_DISABLE_TELEMETRY=1.
 */
export function loadRuntime(): Promise<Runtime> {
  runtime ??= (async () => {
    if (isMainThread) Object.assign(process.env, RUNTIME_ENVIRONMENT);
    else if (process.env['ORT_DISABLE_TELEMETRY'] !== '1') {
      // A worker's process.env is a copy that native code does not see.
      throw new TuningError(
        'RUNTIME_TELEMETRY',
        'onnxruntime would send telemetry: start the process with ORT_DISABLE_TELEMETRY=1',
      );
    }
    const loaded = await import('onnxruntime-node');
    return 'default' in loaded ? (loaded.default as Runtime) : loaded;
  })();
  return runtime;
}

export interface SessionOptions {
  /**
   * Default 'cpu'. On 'cuda' the first GPU that CUDA_VISIBLE_DEVICES leaves; where there is none, or no provider for it
   * (`requireDevice` says which in a clear line), creating the session throws: there is no other device to fall back to.
   */
  device?: Device;
  /** Threads inside one operator. Default 1: a spinning pool loses to whatever else wants the cores. */
  threads?: number;
  /** 'disabled' compiles big training graphs in seconds instead of minutes, at the same step time. Default 'all'. */
  optimisation?: 'disabled' | 'basic' | 'extended' | 'all';
  /**
   * Folder that the graph's weights in files lie in. They are mapped and used where they lie: not packed into blocks, which
   * would copy them all and add up in another order, and casts of them are not folded.
   */
  filesFrom?: string;
  /**
   * Numbers below 1e-38 become 0. The softmax kernel leaves 4e-39 where a score is masked, and each such number costs the
   * processor a trap. Applies to the calling thread from then on, its JavaScript included (below 2e-308): for sealed jobs.
   */
  flushDenormals?: boolean;
}

/**
 * Compiles a serialised ONNX model for one device. Compiling and every `run` BLOCK the event loop for their whole duration
 * (onnxruntime-node 1.30 calls the library synchronously): only for processes of sealed jobs.
 */
export async function createSession(model: Uint8Array, options: SessionOptions = {}): Promise<InferenceSession> {
  const ort = await loadRuntime();
  const { filesFrom } = options;
  // Keys of onnxruntime_session_options_config_keys.h, less their `session.`; an unknown one would be taken silently.
  const session = {
    ...(options.flushDenormals ? { set_denormal_as_zero: '1' } : {}),
    ...(filesFrom === undefined
      ? {}
      : { model_external_initializers_file_folder_path: filesFrom, disable_prepacking: '1' }),
  };
  return ort.InferenceSession.create(model, {
    executionProviders: options.device === 'cuda' ? [{ name: 'cuda', deviceId: 0 }] : ['cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimisation ?? (filesFrom === undefined ? 'all' : 'disabled'),
    logSeverityLevel: 3,
    // Of weights in files: from the second run on the pattern is one block beside all that the arena already has, 300 MiB
    // at 135M.
    enableMemPattern: filesFrom === undefined,
    extra: { session },
  });
}
