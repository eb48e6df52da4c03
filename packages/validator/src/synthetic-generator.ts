import { NO_API_KEY, type SyntheticConfig } from '@tuning/config';
import { augmentGenerator, createLlmGenerator, LLM_DEFAULTS, type SyntheticGenerator } from '@tuning/dataset';
import { type Logger, OperatorError, type Secret } from '@tuning/kit';

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

/**
 * The generator that a configuration names.
 * @param apiKey what `api_key_env` holds.
 * @throws OperatorError LLM_KEY_MISSING where a key is wanted: everywhere but on loopback or with `none`.
 */
export function openGenerator(
  settings: SyntheticConfig,
  apiKey: Secret | undefined,
  logger?: Logger,
): SyntheticGenerator {
  const { endpoint, model } = settings;
  if (settings.generator === 'augment') return augmentGenerator;
  if (endpoint === undefined || model === undefined) {
    throw new OperatorError('CONFIG_INVALID', 'the generator "llm" needs synthetic.endpoint and synthetic.model');
  }
  const { hostname } = new URL(endpoint);
  const keyless = settings.api_key_env === NO_API_KEY || LOOPBACK.test(hostname);
  if (!apiKey && !keyless) {
    const name = settings.api_key_env;
    throw new OperatorError(
      'LLM_KEY_MISSING',
      `no API key for ${hostname}: set ${name} or ${name}_FILE, or synthetic.api_key_env to "${NO_API_KEY}" if it wants none`,
    );
  }
  const { prompt_price: prompt, completion_price: completion } = settings;
  return createLlmGenerator({
    ...LLM_DEFAULTS,
    endpoint,
    model,
    apiKey,
    rowsPerRequest: settings.rows_per_request,
    parallel: settings.parallel,
    temperature: settings.temperature,
    answerTokens: settings.answer_tokens,
    requestMs: settings.request_seconds * 1_000,
    limits: { requests: settings.max_requests, tokens: settings.max_tokens, seconds: settings.max_minutes * 60 },
    prices:
      prompt === undefined && completion === undefined
        ? undefined
        : { prompt: prompt ?? 0, completion: completion ?? 0 },
    onMissing: settings.on_missing,
    logger,
  });
}
