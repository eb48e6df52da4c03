import { Command } from 'commander';
import { addDevnetCommands } from './commands/devnet.ts';
import { addSubnetCommands } from './commands/subnet.ts';
import { addWalletCommands } from './commands/wallet.ts';
import { addDemoCommand } from './demo/demo-command.ts';
import { reportAndExit } from './process-lifecycle.ts';

/** `tuning …`: everything that is not a daemon. */
export async function runTuningCommand(argv: readonly string[]): Promise<void> {
  const program = new Command('tuning').description(
    'Tools of the tuning subnet. The daemons are neurons/miner.js and neurons/validator.js.',
  );
  addDemoCommand(program);
  addDevnetCommands(program);
  addSubnetCommands(program);
  addWalletCommands(program);
  await program.parseAsync(argv).catch(reportAndExit);
}
