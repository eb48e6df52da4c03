import { mkdirSync } from 'node:fs';
import { startDevnetNode, startHub, type TokenRole } from '@tuning/devnet';
import { writeFileAtomic } from '@tuning/kit';
import type { Command } from 'commander';
import { createLogger } from '../logging.ts';
import { shutdownSignal } from '../process-lifecycle.ts';

/** `tuning devnet`: a Subtensor-compatible node. `tuning hub`: a Hugging-Face-compatible hub. */
export function addDevnetCommands(program: Command): void {
  program
    .command('devnet')
    .description('run a Subtensor-compatible node on this machine (state in memory)')
    .option('--port <port>', 'WebSocket port', '9944')
    .option('--block-ms <ms>', 'time between blocks', '250')
    .option(
      '--runtime <path or url>',
      'a real runtime instead of the emulated one: a .wasm file, a chain specification, or the wss URL of a live chain',
    )
    .action(async (options: { port: string; blockMs: string; runtime?: string }) => {
      const { logger } = createLogger('info');
      const signal = shutdownSignal(logger);
      const node = await startDevnetNode({
        port: Number(options.port),
        blockMs: Number(options.blockMs),
        ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
        logger,
        signal,
      });
      logger.info({ endpoint: node.endpoint }, 'devnet node is ready');
      await aborted(signal);
      await node.close();
      process.exit(0);
    });

  program
    .command('hub')
    .description('run a Hugging-Face-compatible hub on this machine')
    .option('--port <port>', 'HTTP port', '8080')
    .option('--data-dir <folder>', 'where repositories live', '.hub')
    .option(
      '--token <namespace:role:file…>',
      'write a new token (role read or write) into a file; may be repeated',
      collect,
      [],
    )
    .action(async (options: { port: string; dataDir: string; token: string[] }) => {
      const { logger } = createLogger('info');
      const signal = shutdownSignal(logger);
      mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
      const hub = await startHub({ dataDir: options.dataDir, port: Number(options.port), logger });
      for (const request of options.token) {
        const [namespace, role, ...file] = request.split(':');
        const token = await hub.createToken({ namespace: namespace ?? '', role: role as TokenRole });
        // Into a file, so that the token shows neither in the log nor in the list of processes.
        await writeFileAtomic(file.join(':'), `${token}\n`);
      }
      logger.info({ endpoint: hub.endpoint }, 'hub is ready');
      await aborted(signal);
      await hub.close();
      process.exit(0);
    });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
