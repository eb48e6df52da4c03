import type { TaskRequest } from '@tuning/protocol';
import type { StepValue } from './task-steps.ts';

/** README.md of a published train split; its YAML tells `load_dataset` where the rows are. */
export function datasetCard(taskId: string, split: StepValue<'split'>, request: TaskRequest): string {
  return `---
configs:
  - config_name: default
    data_files:
      - split: train
        path: ${split.file.path}
tags:
  - tuning-subnet
---

# Train split of task ${taskId}

${split.rows.train} of ${split.rows.dataset} rows; the others are the sealed test split. Base model: ${request.model}.

| | sha256 |
|---|---|
| seal | \`${split.seal}\` |
| rows of this split | \`${split.trainDigest}\` |

The seal is on-chain in the validator's commitment. The seed behind it is revealed in the receipt after the deadline.
`;
}
