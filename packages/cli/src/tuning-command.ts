import { EXIT_OPERATOR } from '@tuning/kit';
import { Command } from 'commander';
import { addAxonCommands } from './commands/axon.ts';
import { addCheckCommand } from './commands/check.ts';
import { addCommitmentCommands } from './commands/commitments.ts';
import { addDatasetCommands } from './commands/dataset.ts';
import { addDevnetCommands } from './commands/devnet.ts';
import { addEvaluateCommand } from './commands/evaluate.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addMetagraphCommand } from './commands/metagraph.ts';
import { addRegisterCommand } from './commands/register.ts';
import { addSubnetCommands } from './commands/subnet.ts';
import { addWalletCommands } from './commands/wallet.ts';
import { addWeightCommands } from './commands/weights.ts';
import { addDemoCommand } from './demo/demo-command.ts';
import { reportAndExit } from './process-lifecycle.ts';
import { programVersion } from './version.ts';

/** `tuning …`: everything that is not a daemon. */
export async function runTuningCommand(argv: readonly string[]): Promise<void> {
  const program = new Command('tuning')
    .description('Tools of the tuning subnet. The daemons are neurons/miner.js and neurons/validator.js.')
    .version(programVersion(), '-V, --version', 'show the version');
  // Before the commands, which take it over. Commander has printed its line; a wrong flag is a configuration error.
  program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_OPERATOR));
  addDemoCommand(program);
  addDatasetCommands(program);
  addDevnetCommands(program);
  addCheckCommand(program);
  addEvaluateCommand(program);
  addInspectCommand(program);
  addSubnetCommands(program);
  addWalletCommands(program);
  addMetagraphCommand(program);
  addRegisterCommand(program);
  addAxonCommands(program);
  addCommitmentCommands(program);
  addWeightCommands(program);
  await program.parseAsync(argv).catch(reportAndExit);
}
