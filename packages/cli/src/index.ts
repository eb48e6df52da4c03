export { runMinerCommand, runValidatorCommand } from './neuron-commands.ts';
export { runTuningCommand } from './tuning-command.ts';
