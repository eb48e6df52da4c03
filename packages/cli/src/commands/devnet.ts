import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { startDevnetNode, startHub, type TokenRole } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { errorMessage, OperatorError, Secret, writeFileAtomic } from '@tuning/kit';
import type { Command } from 'commander';
import { BASE_MODEL, DATASET, publishAssets } from '../demo/assets.ts';
import { createLogger } from '../logging.ts';
import { portNumber, wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { addHubCheck } from './hub-check.ts';

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

  const hubCommand = program
    .command('hub')
    .description('run a Hugging-Face-compatible hub on this machine')
    .option('--port <port>', 'HTTP port', '8080')
    .option('--data-dir <folder>', 'where repositories live', '.hub')
    .option(
      '--token <namespace:role[:lifetime]:file>',
      'write a new token (role read or write; lifetime as 90s, 15m, 12h, 7d) into a file; may be repeated',
      collect,
      [],
    )
    .option('--revoke-token <file>', 'refuse the token in this file from now on; may be repeated', collect, [])
    .option('--demo-assets', `publish ${BASE_MODEL} and ${DATASET}, a small model and a dataset to try an order with`)
    .action(async (options: HubOptions) => {
      const port = portNumber(options.port);
      const wanted = options.token.map(parseTokenRequest);
      const { logger } = createLogger('info');
      const signal = shutdownSignal(logger);
      const hub = await startHub({ dataDir: resolve(options.dataDir), port, logger });
      for (const file of options.revokeToken) {
        const known = await hub.revokeToken(await readTokenFile(file));
        logger.info({ file, known }, known ? 'token is revoked' : 'the hub does not know this token');
      }
      for (const { file, lifetimeMs, ...request } of wanted) {
        const expiresAt = lifetimeMs === undefined ? {} : { expiresAt: new Date(Date.now() + lifetimeMs) };
        // Into a file, so that the token shows neither in the log nor in the list of processes.
        await writeTokenFile(file, await hub.createToken({ ...request, ...expiresAt }));
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
  addHubCheck(hubCommand);
}

interface HubOptions {
  port: string;
  dataDir: string;
  token: string[];
  revokeToken: string[];
  demoAssets?: boolean;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `alice:write:alice.token` or `alice:write:7d:alice.token`. @throws OperatorError FLAG_INVALID. */
function parseTokenRequest(text: string): {
  namespace: string;
  role: TokenRole;
  lifetimeMs: number | undefined;
  file: string;
} {
  const match = /^([^:]+):(read|write):(?:(\d{1,9})([smhd]):)?(.+)$/.exec(text);
  if (!match) {
    throw new OperatorError(
      'FLAG_INVALID',
      `--token must be namespace:role:file or namespace:role:lifetime:file with role read or write, for example alice:write:7d:alice.token, not "${text}"`,
    );
  }
  const [, namespace = '', role, count, unit = '', file = ''] = match;
  const lifetimeMs = count === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0);
  return { namespace, role: role as TokenRole, lifetimeMs, file };
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new OperatorError('TOKEN_FILE_UNUSABLE', `cannot read the token file ${file}: ${errorMessage(error)}`);
  }
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
