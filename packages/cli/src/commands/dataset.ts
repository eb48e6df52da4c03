import type { Command } from 'commander';
import { addDatasetLintCommand } from './dataset-lint.ts';
import { addDatasetSynthesiseCommand } from './dataset-synthesise.ts';
import { addDatasetVerifyCommand } from './dataset-verify.ts';

/** `tuning dataset …`. */
export function addDatasetCommands(program: Command): void {
  const dataset = program.command('dataset').description('look at a dataset as a validator does');
  addDatasetLintCommand(dataset);
  addDatasetSynthesiseCommand(dataset);
  addDatasetVerifyCommand(dataset);
}
