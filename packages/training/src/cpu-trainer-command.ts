import { fileURLToPath } from 'node:url';

/** argv of the embedded CPU trainer: this Node and the built `cpu-trainer.js` of this package. */
export function cpuTrainerCommand(): string[] {
  // From src/ (unit tests run the sources) and from dist/ alike.
  return [process.execPath, fileURLToPath(new URL('../dist/cpu-trainer.js', import.meta.url))];
}
