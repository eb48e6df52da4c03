import { resolve } from 'node:path';
import { startDevnetNode, startHub, type TokenRole } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { errorMessage, OperatorError, Secret, writeFileAtomic } from '@tuning/kit';
import type { Command } from 'commander';
import { BASE_MODEL, DATASET, publishAssets } from '../demo/assets.ts';
import { createLogger } from '../logging.ts';
import { portNumber, wholeNumber } from '../number-flag.ts';
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
    .option('--beacon', 'a drand network of its own, so that timelocked weights and commitments are revealed', false)
    .action(async (options: { port: string; blockMs: string; runtime?: string; beacon: boolean }) => {
      const { logger } = createLogger('info');
      const signal = shutdownSignal(logger);
      const node = await startDevnetNode({
        port: portNumber(options.port),
        blockMs: wholeNumber('--block-ms', options.blockMs, { min: 20, max: 3_600_000 }),
        beacon: options.beacon,
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
    .option('--demo-assets', `publish ${BASE_MODEL} and ${DATASET}, a small model and a dataset to try an order with`)
    .action(async (options: HubOptions) => {
      const port = portNumber(options.port);
      const wanted = options.token.map(parseTokenRequest);
      const { logger } = createLogger('info');
      const signal = shutdownSignal(logger);
      const hub = await startHub({ dataDir: resolve(options.dataDir), port, logger });
      for (const { namespace, role, file } of wanted) {
        // Into a file, so that the token shows neither in the log nor in the list of processes.
        await writeTokenFile(file, await hub.createToken({ namespace, role }));
      }
      if (options.demoAssets) {
        const token = new Secret(await hub.createToken({ namespace: 'demo', role: 'write' }));
        await publishAssets(createHub({ endpoint: hub.endpoint, token }), signal);
        logger.info({ model: BASE_MODEL, dataset: DATASET }, 'demo assets are published');
      }
      logger.info({ endpoint: hub.endpoint }, 'hub is ready');
      await aborted(signal);
      await hub.close();
      process.exit(0);
    });
}

interface HubOptions {
  port: string;
  dataDir: string;
  token: string[];
  demoAssets?: boolean;
}

/** `alice:write:alice.token`. @throws OperatorError FLAG_INVALID. */
function parseTokenRequest(text: string): { namespace: string; role: TokenRole; file: string } {
  const [, namespace, role, file] = /^([^:]+):(read|write):(.+)$/.exec(text) ?? [];
  if (!namespace || !role || !file)
    throw new OperatorError(
      'FLAG_INVALID',
      `--token must be namespace:role:file with role read or write, for example alice:write:alice.token, not "${text}"`,
    );
  return { namespace, role: role as TokenRole, file };
}

async function writeTokenFile(file: string, token: string): Promise<void> {
  try {
    await writeFileAtomic(file, `${token}\n`);
  } catch (error) {
    throw new OperatorError('TOKEN_FILE_UNUSABLE', `cannot write the token file ${file}: ${errorMessage(error)}`);
  }
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
