import type { PublishedShards } from '@tuning/dataset';
import type { TaskRequest } from '@tuning/protocol';
import { stringify } from 'yaml';
import type { StepValue } from './task-steps.ts';

export interface DatasetCardFacts {
  taskId: string;
  split: StepValue<'split'>;
  source: StepValue<'source'>;
  request: TaskRequest;
  /** Parquet shards, or the one file of JSON lines. */
  published: PublishedShards | { path: string };
}

/** Upper bounds of the hub's size categories, see `size_categories` in datasets' README template. */
const SIZES: [number, string][] = [
  [1e3, 'n<1K'],
  [1e4, '1K<n<10K'],
  [1e5, '10K<n<100K'],
  [1e6, '100K<n<1M'],
  [Number.POSITIVE_INFINITY, '1M<n<10M'],
];

/**
 * README.md of a published train split. Its YAML tells `load_dataset` where the rows are and what they look like; its text
 * tells people what it is. Nothing in it says which other rows there were: not even where the dataset came from.
 */
export function datasetCard(facts: DatasetCardFacts): string {
  const { taskId, split, source, request } = facts;
  const head = stringify(cardHead(facts), { lineWidth: 0 });
  return `---
${head}---

# Train split of task ${taskId}

Training data of one task of a fine-tuning subnet: miners fine-tune the base model on these rows, validators measure what they
make of it on rows that nobody has seen.

| | |
|---|---|
| base model | [${source.model.repo}](https://huggingface.co/${source.model.repo}) @ \`${source.model.revision}\` |
| rows | ${split.rows.train} of ${split.rows.dataset}; the others are the sealed test split |
| time to train | ${request.training_blocks} blocks after the offers; offer and receipt name the deadline block |
| longest row | ${request.sequence_len} tokens; longer ones are left out |

## Prompt

Dataset type, in Axolotl's keys:

\`\`\`json
${JSON.stringify(request.dataset_type, null, 2)}
\`\`\`

## Seal

| | sha256 |
|---|---|
| seal | \`${split.seal}\` |
| these rows, as canonical JSON lines | \`${split.trainDigest}\` |

The dataset was split under a secret random seed, near-duplicates on one side. The seal binds that seed, the whole dataset and
both parts; it stands in the validator's on-chain commitment since before the first offer. After the deadline the receipt
reveals the seed, and anybody who has the dataset can rebuild the split with \`tuning dataset verify\`.
`;
}

function cardHead({ taskId, split, source, published }: DatasetCardFacts): object {
  const rows = split.rows.train;
  const { licence } = source.source.kind === 'hf' ? source.source : {};
  const shards = 'shards' in published ? published.shards : undefined;
  return {
    pretty_name: `Train split of task ${taskId}`,
    ...(licence ? { license: licence } : {}),
    task_categories: ['text-generation'],
    size_categories: [SIZES.find(([below]) => rows < below)![1]],
    tags: ['tuning-subnet'],
    configs: [
      {
        config_name: 'default',
        data_files: [{ split: 'train', path: 'path' in published ? published.path : 'data/train-*.parquet' }],
      },
    ],
    ...('features' in published && shards
      ? {
          dataset_info: {
            features: published.features,
            splits: [{ name: 'train', num_examples: rows }],
            download_size: shards.reduce((sum, { bytes }) => sum + bytes, 0),
          },
        }
      : {}),
  };
}
