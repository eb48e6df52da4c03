import type { Container } from 'dockerode';
import { z } from 'zod';

const statsSchema = z.object({
  memory_stats: z.object({ usage: z.number().optional(), max_usage: z.number().optional() }).optional(),
});

/** Memory that a container has used at most (cgroup v1) or uses now (v2, which keeps no maximum here), in bytes. */
export async function peakMemory(container: Container): Promise<number> {
  const stats = statsSchema.safeParse(await container.stats({ stream: false, 'one-shot': true }).catch(() => ({})));
  const memory = stats.data?.memory_stats;
  return memory?.max_usage ?? memory?.usage ?? 0;
}
