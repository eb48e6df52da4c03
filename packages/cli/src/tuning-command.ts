import { EXIT_OPERATOR } from '@tuning/kit';
import { Command } from 'commander';
import { reportAndExit } from './process-lifecycle.ts';
import { programVersion } from './version.ts';

interface CommandGroup {
  /** First words that call for it. */
  readonly words: readonly string[];
  load(): Promise<(program: Command) => void>;
}

/** In the order of the help. Loading all takes seconds, chain and devnet above all, so a call loads what it names. */
const GROUPS: readonly CommandGroup[] = [
  { words: ['demo'], load: async () => (await import('./demo/demo-command.ts')).addDemoCommand },
  { words: ['dataset'], load: async () => (await import('./commands/dataset.ts')).addDatasetCommands },
  { words: ['devnet', 'hub'], load: async () => (await import('./commands/devnet.ts')).addDevnetCommands },
  { words: ['check'], load: async () => (await import('./commands/check.ts')).addCheckCommand },
  { words: ['evaluate'], load: async () => (await import('./commands/evaluate.ts')).addEvaluateCommand },
  { words: ['inspect'], load: async () => (await import('./commands/inspect.ts')).addInspectCommand },
  { words: ['subnet'], load: async () => (await import('./commands/subnet.ts')).addSubnetCommands },
  { words: ['wallet'], load: async () => (await import('./commands/wallet.ts')).addWalletCommands },
  { words: ['metagraph'], load: async () => (await import('./commands/metagraph.ts')).addMetagraphCommand },
  { words: ['register'], load: async () => (await import('./commands/register.ts')).addRegisterCommand },
  { words: ['axon'], load: async () => (await import('./commands/axon.ts')).addAxonCommands },
  { words: ['commitments'], load: async () => (await import('./commands/commitments.ts')).addCommitmentCommands },
  { words: ['weights'], load: async () => (await import('./commands/weights.ts')).addWeightCommands },
];

const VERSION_FLAGS = ['-V', '--version'];

/** `tuning …`: everything that is not a daemon. */
export async function runTuningCommand(argv: readonly string[]): Promise<void> {
  const program = new Command('tuning')
    .description('Tools of the tuning subnet. The daemons are neurons/miner.js and neurons/validator.js.')
    .version(programVersion(), VERSION_FLAGS.join(', '), 'show the version');
  // Before the commands, which take it over. Commander has printed its line; a wrong flag is a configuration error.
  program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_OPERATOR));
  for (const group of groupsFor(argv[2])) (await group.load())(program);
  await program.parseAsync(argv).catch(reportAndExit);
}

/** All of them for the help, and where the word is none of theirs. */
function groupsFor(word = ''): readonly CommandGroup[] {
  if (VERSION_FLAGS.includes(word)) return [];
  const named = GROUPS.filter(({ words }) => words.includes(word));
  return named.length > 0 ? named : GROUPS;
}
