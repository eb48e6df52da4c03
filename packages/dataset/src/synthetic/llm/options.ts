import type { Logger, Secret } from '@tuning/kit';

/** Settings of the `llm` generator. */
export interface LlmOptions {
  /** Base URL of an OpenAI-compatible API, such as `http://127.0.0.1:8080/v1`. */
  endpoint: string;
  model: string;
  apiKey?: Secret | undefined;
  rowsPerRequest: number;
  /** Requests under way at once. */
  parallel: number;
  temperature: number;
  /** Longest answer to one request, in tokens. */
  answerTokens: number;
  /** Longest wait for one answer. */
  requestMs: number;
  /** Tries of one request: 429, 5xx, lost connections and late answers are tried again. */
  attempts: number;
  /** First wait between two tries; doubles. */
  backoffMs: number;
  /** Most of one run. Requests count every try. */
  limits: { requests: number; tokens: number; seconds: number };
  /** USD for a million tokens. */
  prices?: { prompt: number; completion: number } | undefined;
  /** Rows the model did not make: made by `augment`, or the run fails. */
  onMissing: 'augment' | 'fail';
  logger?: Logger | undefined;
}

export const LLM_DEFAULTS = {
  rowsPerRequest: 5,
  parallel: 2,
  temperature: 0.9,
  answerTokens: 1_024,
  requestMs: 120_000,
  attempts: 4,
  backoffMs: 500,
  limits: { requests: 200, tokens: 500_000, seconds: 1_200 },
  onMissing: 'augment',
} as const satisfies Omit<LlmOptions, 'endpoint' | 'model'>;
