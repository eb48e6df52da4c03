import { errorCode, errorMessage, isTuningError } from '@tuning/kit';
import type { Verdict, VerdictCode } from '@tuning/protocol';

/** What each refusal of the llm package means for the miner whose files were read. */
const VERDICT_OF: Readonly<Record<string, VerdictCode>> = {
  FILE_MISSING: 'missing_file',
  FILE_INVALID: 'bad_config',
  MODEL_UNSUPPORTED: 'bad_config',
  SAFETENSORS_MISSING: 'missing_file',
  SAFETENSORS_INVALID: 'bad_safetensors',
  TENSOR_MISSING: 'tensor_mismatch',
  TENSOR_MISMATCH: 'tensor_mismatch',
  WEIGHTS_NON_FINITE: 'non_finite_weights',
  ADAPTER_UNSUPPORTED: 'adapter_unsupported',
  ADAPTER_BASE_MISMATCH: 'adapter_base_mismatch',
  NON_FINITE_LOSS: 'non_finite_loss',
};

/** The verdict that an error from reading or measuring a submission stands for; undefined for a fault of ours. */
export function verdictOfError(error: unknown): Verdict | undefined {
  const code = VERDICT_OF[errorCode(error) ?? ''];
  if (code === undefined || !isTuningError(error)) return undefined;
  const evidence: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(error.details)) {
    if (typeof value === 'string') evidence[key] = value.slice(0, 1_000);
    else if (typeof value === 'number' || typeof value === 'boolean') evidence[key] = value;
  }
  return { code, reason: errorMessage(error).slice(0, 1_000), evidence };
}
