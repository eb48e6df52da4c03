import { stat } from 'node:fs/promises';

/** Whether there is anything at `path`; what can't be looked at counts as absent. */
export function pathExists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
