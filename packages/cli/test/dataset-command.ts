import { Command } from 'commander';
import { vi } from 'vitest';
import { addDatasetCommands } from '../src/commands/dataset.ts';

/** Runs `tuning dataset …` and gives what it printed. */
export async function tuningDataset(...argv: string[]): Promise<string> {
  const program = new Command();
  addDatasetCommands(program);
  let out = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  try {
    await program.parseAsync(['node', 'tuning', 'dataset', ...argv]);
  } finally {
    write.mockRestore();
  }
  return out;
}
