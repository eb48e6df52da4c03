import { TuningError, withDeadline } from '@tuning/kit';
import { z } from 'zod';

const lossSchema = z
  .object({
    loss: z.number(),
    perplexity: z.number(),
    tokens: z.number(),
    rowsKept: z.number(),
    rowsDropped: z.record(z.string(), z.number()),
  })
  .loose();
const statusSchema = z
  .object({
    state: z.string(),
    step: z.number().optional(),
    totalSteps: z.number().optional(),
    loss: z.number().optional(),
  })
  .loose();

/** The part of `GET /tasks/:id` that the demo shows. */
export const taskViewSchema = z
  .object({
    task_id: z.string(),
    state: z.string(),
    failure: z.object({ code: z.string(), message: z.string() }).nullable(),
    block: z.number(),
    offer_deadline_block: z.number().nullable(),
    deadline_block: z.number().nullable(),
    seal: z.string().nullable(),
    group: z.array(
      z.object({
        hotkey: z.string(),
        uid: z.number(),
        answer: z.string(),
        reason: z.string().nullable(),
        status: statusSchema.nullable(),
      }),
    ),
    base: z.object({ synthetic: lossSchema, test: lossSchema }).nullable(),
    weights: z
      .object({
        block: z.number(),
        decided_block: z.number(),
        uids: z.array(z.number()),
        values: z.array(z.number()),
        shares: z.array(z.object({ hotkey: z.string(), weight: z.number() })),
      })
      .nullable(),
  })
  .loose();
export type TaskView = z.infer<typeof taskViewSchema>;

/** A customer of the validator's HTTP endpoint. */
export class TaskClient {
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  async order(body: object): Promise<string> {
    const answer = await this.#call('POST', '/tasks', body);
    return z.object({ task_id: z.string() }).parse(answer).task_id;
  }

  async task(id: string): Promise<TaskView> {
    return taskViewSchema.parse(await this.#call('GET', `/tasks/${id}`));
  }

  receipt(id: string): Promise<unknown> {
    return this.#call('GET', `/tasks/${id}/receipt`);
  }

  #call(method: string, path: string, body?: object): Promise<unknown> {
    return withDeadline(
      `${method} ${path}`,
      20_000,
      async (signal) => {
        const response = await fetch(`${this.#url}${path}`, {
          method,
          signal,
          ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
        });
        const answer: unknown = await response.json();
        if (!response.ok)
          throw new TuningError('ORDER_REFUSED', `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
        return answer;
      },
      this.#signal,
    );
  }
}
