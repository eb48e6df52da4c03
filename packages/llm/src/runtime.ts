import { isMainThread } from 'node:worker_threads';
import { TuningError } from '@tuning/kit';
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
  /** Threads inside one operator. Default 1: a spinning pool loses to whatever else wants the cores. */
  threads?: number;
  /** 'disabled' compiles big training graphs in seconds instead of minutes, at the same step time. Default 'all'. */
  optimisation?: 'disabled' | 'basic' | 'extended' | 'all';
  /**
   * Folder that the graph's weights in files lie in. They are mapped and used where they lie: not packed into blocks, which
   * would copy them all and add up in another order, and casts of them are not folded.
   */
  filesFrom?: string;
}

/**
 * Compiles a serialised ONNX model for the CPU. Compiling and every `run` BLOCK the event loop for their whole duration
 * (onnxruntime-node 1.30 calls the library synchronously): only for processes of sealed jobs.
 */
export async function createSession(model: Uint8Array, options: SessionOptions = {}): Promise<InferenceSession> {
  const ort = await loadRuntime();
  return ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimisation ?? (options.filesFrom === undefined ? 'all' : 'disabled'),
    logSeverityLevel: 3,
    ...(options.filesFrom === undefined ? {} : mapped(options.filesFrom)),
  });
}

function mapped(folder: string) {
  return {
    // From the second run on the pattern is one block beside all that the arena already has: 300 MiB at 135M.
    enableMemPattern: false,
    // Keys of onnxruntime_session_options_config_keys.h, less their `session.`; an unknown one would be taken silently.
    extra: { session: { model_external_initializers_file_folder_path: folder, disable_prepacking: '1' } },
  };
}
