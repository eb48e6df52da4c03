import {
  minerConfigSchema,
  minerOptions,
  NO_API_KEY,
  secretFromEnvironment,
  validatorConfigSchema,
  validatorOptions,
} from '@tuning/config';
import { runDaemonCommand } from './daemon-command.ts';
import { jobLines } from './job-lines.ts';

// The daemons themselves are loaded when they run: flags and configuration are answered without chain and libp2p.

/** `node neurons/miner.js …` */
export function runMinerCommand(argv: readonly string[]): Promise<void> {
  return runDaemonCommand(
    {
      name: 'miner',
      description: 'Trains models for validators of a tuning subnet and commits them on-chain.',
      options: minerOptions,
      schema: minerConfigSchema,
      run: async ({ live, ...args }) => {
        const { runMiner } = await import('@tuning/miner');
        return runMiner({
          ...args,
          ...(live ? { showJobs: (view) => live.draw(jobLines(view, live.width, !process.env['NO_COLOR'])) } : {}),
        });
      },
    },
    argv,
  );
}

/** `node neurons/validator.js …` */
export function runValidatorCommand(argv: readonly string[]): Promise<void> {
  return runDaemonCommand(
    {
      name: 'validator',
      description: 'Runs fine-tuning tournaments, measures the models and sets weights.',
      options: validatorOptions,
      schema: validatorConfigSchema,
      run: async (args) => {
        const { runValidator } = await import('@tuning/validator');
        const { generator, api_key_env: name } = args.config.synthetic;
        const wanted = generator === 'llm' && name !== NO_API_KEY;
        return runValidator({ ...args, llmApiKey: wanted ? secretFromEnvironment(name, process.env) : undefined });
      },
    },
    argv,
  );
}
