import { BadInputError, errorCode, OperatorError, retry, TransientError, withDeadline } from '@tuning/kit';
import { z } from 'zod';
import type { Budget } from './budget.ts';
import type { LlmOptions } from './options.ts';
import type { Message } from './prompt.ts';

/** Of which reading takes well under 50 ms. */
const MAX_ANSWER_BYTES = 256 * 1024;
/** A server that asks for more is taken as one that is not there. */
const MAX_RETRY_AFTER_MS = 60_000;

const completionSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
  usage: z
    .object({ prompt_tokens: z.number().int().min(0), completion_tokens: z.number().int().min(0) })
    .nullish()
    .catch(undefined),
});

/**
 * How the answer's form is asked for, strictest first: OpenAI's `json_schema`, the `json_object` with a schema of
 * llama-cpp-python, nothing. Until one has brought an answer, a server that refuses it is asked for the next: by 400 or 422,
 * and by 500, as llama-cpp-python refuses `json_schema`.
 */
const FORMATS = ['json_schema', 'json_object', 'none'] as const;

/** One `POST {endpoint}/chat/completions` at a time; plain fetch, since one route of one shape needs no SDK. */
export class ChatClient {
  readonly #options: LlmOptions;
  readonly #budget: Budget;
  readonly #url: string;
  #format = 0;
  /** Whether the format has brought an answer. */
  #proven = false;

  constructor(options: LlmOptions, budget: Budget) {
    this.#options = options;
    this.#budget = budget;
    this.#url = `${options.endpoint.replace(/\/+$/, '')}/chat/completions`;
  }

  /**
   * The text of the model's answer; '' for none.
   * @throws OperatorError LLM_KEY_REFUSED, LLM_NOT_FOUND; BadInputError LLM_REQUEST_REFUSED, LLM_ANSWER_INVALID,
   * LLM_ANSWER_TOO_LARGE, LLM_BUDGET_SPENT; TransientError LLM_UNAVAILABLE when every try failed.
   */
  complete(messages: Message[], schema: object, signal: AbortSignal | undefined): Promise<string> {
    const { attempts, backoffMs, logger } = this.#options;
    return retry(() => this.#formatted(messages, schema, signal), {
      attempts,
      baseMs: backoffMs,
      shouldRetry: (error) => error.name === 'TransientError' && this.#budget.stopped === undefined,
      retryAfterMs: (error) => (error as TransientError).details?.['retryAfterMs'] as number | undefined,
      ...(signal ? { signal } : {}),
      ...(logger ? { logger } : {}),
      what: 'synthetic rows',
    });
  }

  async #formatted(messages: Message[], schema: object, signal: AbortSignal | undefined): Promise<string> {
    for (;;) {
      const format = this.#format;
      try {
        const answer = await this.#request(messages, schema, FORMATS[format]!, signal);
        this.#proven = true;
        return answer;
      } catch (error) {
        if (this.#proven || !mayBeTheFormat(error)) throw error;
        // A request beside this one may have moved on already.
        if (this.#format === format) this.#format = (format + 1) % FORMATS.length;
        if (format === FORMATS.length - 1) throw error;
      }
    }
  }

  async #request(
    messages: Message[],
    schema: object,
    format: (typeof FORMATS)[number],
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (!this.#budget.take()) throw new BadInputError('LLM_BUDGET_SPENT', 'the limits of the synthesis are reached');
    const { model, temperature, answerTokens, requestMs, apiKey } = this.#options;
    const body = JSON.stringify({
      model,
      messages,
      temperature,
      max_tokens: answerTokens,
      ...(format === 'json_schema'
        ? { response_format: { type: 'json_schema', json_schema: { name: 'rows', strict: true, schema } } }
        : {}),
      ...(format === 'json_object' ? { response_format: { type: 'json_object', schema } } : {}),
    });
    const ms = Math.max(1, Math.min(requestMs, this.#budget.msLeft));
    try {
      return await withDeadline(
        'the language model’s answer',
        ms,
        async (inner) => {
          const response = await fetch(this.#url, {
            method: 'POST',
            headers: {
              'content-type': 'application/json',
              ...(apiKey ? { authorization: `Bearer ${apiKey.reveal()}` } : {}),
            },
            body,
            // A redirect would carry rows and key to another host.
            redirect: 'error',
            signal: inner,
          });
          if (!response.ok) {
            await response.body?.cancel();
            throw refusalOf(response, this.#options);
          }
          return this.#read(await boundedText(response), body.length);
        },
        signal,
      );
    } catch (error) {
      signal?.throwIfAborted();
      const known = error instanceof Error && 'details' in error;
      // fetch's own errors say nothing but "fetch failed"; their cause may hold the URL, so only its code is kept.
      const fault = known ? error : unavailable(errorCode((error as Error).cause) ?? 'the connection broke');
      this.#budget.failed(errorCode(fault) ?? 'LLM_UNAVAILABLE');
      throw fault;
    }
  }

  #read(text: string, promptChars: number): string {
    const completion = completionSchema.safeParse(jsonOrUndefined(text));
    if (!completion.success) {
      throw new BadInputError('LLM_ANSWER_INVALID', 'the server’s answer is no chat completion');
    }
    const { choices, usage } = completion.data;
    const content = choices[0]!.message.content ?? '';
    this.#budget.spent(usage ?? undefined, { prompt: promptChars, answer: content.length });
    return content;
  }
}

const mayBeTheFormat = (error: unknown) =>
  errorCode(error) === 'LLM_REQUEST_REFUSED' ||
  [500, 501].includes((error as TransientError).details?.['status'] as number);

const unavailable = (why: string, details: { status?: number; retryAfterMs?: number | undefined } = {}) =>
  new TransientError('LLM_UNAVAILABLE', `the language model’s server did not answer: ${why}`, { details });

function refusalOf(response: Response, { endpoint, model }: LlmOptions): Error {
  const { status } = response;
  if (status === 401 || status === 403) {
    return new OperatorError('LLM_KEY_REFUSED', `${endpoint} refuses the API key (HTTP ${status}): set a valid one`);
  }
  if (status === 404) {
    return new OperatorError('LLM_NOT_FOUND', `${endpoint} has no chat completions of model "${model}" (HTTP 404)`);
  }
  if (status === 408 || status === 429 || status >= 500) {
    return unavailable(`HTTP ${status}`, { status, retryAfterMs: retryAfter(response.headers.get('retry-after')) });
  }
  return new BadInputError('LLM_REQUEST_REFUSED', `${endpoint} refuses the request (HTTP ${status})`);
}

/** Seconds or a date, as RFC 9110 has it. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms)) : undefined;
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new BadInputError('LLM_ANSWER_TOO_LARGE', `the server’s answer is over ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
