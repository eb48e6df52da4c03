import { loadConfig, type Option, secretFromEnvironment } from '@tuning/config';
import type { Logger } from '@tuning/kit';
import type { NeuronSecrets } from '@tuning/neuron';
import type { WalletRef } from '@tuning/wallet';
import { Command } from 'commander';
import type { z } from 'zod';
import type { LiveLines } from './live-lines.ts';
import { createLogger } from './logging.ts';
import { exitOnUnhandled, reportAndExit, shutdownSignal } from './process-lifecycle.ts';
import { programVersion } from './version.ts';
import { passwordSource } from './wallet-password.ts';

interface Neuronish {
  wallet: WalletRef;
  logging: { level: string };
}

export interface DaemonCommand<S extends z.ZodType> {
  name: string;
  description: string;
  options: readonly Option[];
  schema: S;
  run: (args: {
    config: z.infer<S>;
    secrets: NeuronSecrets;
    logger: Logger;
    signal: AbortSignal;
    onReady: () => void;
    /** Lines below the log, on a terminal. */
    live: LiveLines | undefined;
  }) => Promise<void>;
}

/** Parses flags, builds the configuration and runs a daemon to its end; never returns. */
export async function runDaemonCommand<S extends z.ZodType<Neuronish>>(
  daemon: DaemonCommand<S>,
  argv: readonly string[],
): Promise<void> {
  try {
    const { flags, file, printConfig } = parseFlags(daemon, argv);
    const config = loadConfig(daemon.schema, daemon.options, { file, env: process.env, flags });
    if (printConfig) {
      process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
      process.exit(0);
    }
    const { logger, flush, live } = createLogger(config.logging.level);
    exitOnUnhandled(logger);
    process.once('exit', () => live?.close());
    const signal = shutdownSignal(logger);
    const secrets: NeuronSecrets = {
      hubToken: secretFromEnvironment('HF_TOKEN', process.env),
      apiKey: secretFromEnvironment('TUNING_API_KEY', process.env),
      password: passwordSource(config.wallet),
    };
    await daemon
      .run({ config, secrets, logger, signal, onReady: () => process.send?.('ready'), live })
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    live?.close();
    logger.info('stopped');
    flush();
    process.exit(0);
  } catch (error) {
    reportAndExit(error);
  }
}

function parseFlags<S extends z.ZodType>(daemon: DaemonCommand<S>, argv: readonly string[]) {
  const command = new Command(daemon.name)
    .description(daemon.description)
    .option('--config <file>', 'YAML file with the same keys')
    .option('--print-config', 'print the configuration in force and exit')
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'show this help')
    .version(programVersion(), '-V, --version', 'show the version')
    .addHelpText(
      'after',
      '\nSecrets come from the environment only: HF_TOKEN or HF_TOKEN_FILE, TUNING_API_KEY or TUNING_API_KEY_FILE.',
    );
  const keys = new Map<string, string>();
  for (const option of daemon.options) {
    const names = [`--${option.key}`, ...(option.flags ?? [])];
    for (const name of names) {
      // Two long flags of one option are two options to commander; the key joins them again.
      const attribute = name.slice(2);
      keys.set(attribute, option.key);
      const help = name === names[0] ? option.help : `same as ${names[0]}`;
      command.option(option.type === 'boolean' ? name : `${name} ${option.placeholder ?? '<value>'}`, help);
    }
  }
  command.exitOverride((error) => {
    // Commander has printed its one line; a wrong flag is a configuration error.
    process.exit(error.exitCode === 0 ? 0 : 78);
  });
  command.parse(argv);
  const given = command.opts<Record<string, string | boolean>>();
  const flags: Record<string, string | boolean> = {};
  for (const [attribute, key] of keys) {
    const value = given[attribute] ?? given[camel(attribute)];
    if (value !== undefined) flags[key] = value;
  }
  const file = given['config'];
  return { flags, file: typeof file === 'string' ? file : undefined, printConfig: given['printConfig'] === true };
}

/** Commander's attribute name of a flag: `max-burn` → `maxBurn`. */
function camel(flag: string): string {
  return flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
