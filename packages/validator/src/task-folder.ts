import type { DataFolder } from '@tuning/neuron';

/** Files of one task. Test and synthetic rows exist here and nowhere else until the seed is revealed. */
export function taskFolder(folder: DataFolder, taskId: string) {
  const file = (...parts: string[]) => folder.file('tasks', taskId, ...parts);
  return {
    intake: file('intake'),
    rows: file('rows.jsonl'),
    train: file('train.jsonl'),
    /** The train rows as they are published; gone once they are. */
    publication: file('publication'),
    test: file('test.jsonl'),
    synthetic: file('synthetic.jsonl'),
    /** Counts and figures of the synthetic rows. */
    syntheticReport: file('synthetic-report.json'),
    submissions: file('submissions'),
    submission: (hotkey: string) => file('submissions', hotkey),
    evaluations: file('evaluations'),
    root: file(),
  };
}
