import type { Connection } from '@libp2p/interface';
import { withDeadline } from '@tuning/kit';
import type { goodbyeSchema } from '@tuning/protocol';
import type { z } from 'zod';
import { transfer } from './exchange.ts';
import { toJson } from './frames.ts';
import type { Protocols } from './protocols.ts';

export type GoodbyeReason = z.infer<typeof goodbyeSchema>['reason'];

/** Says why, within the protocol's second, and closes the connection. Never throws: the other side may be gone. */
export async function sayGoodbye(connection: Connection, protocols: Protocols, reason: GoodbyeReason): Promise<void> {
  const spec = protocols.goodbye;
  try {
    await withDeadline('goodbye', spec.timeoutMs, async (signal) => {
      await transfer(connection, spec, toJson({ reason }), signal);
      await connection.close({ signal });
    });
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error(String(error)));
  }
}
