import type { TaskOffer } from '@tuning/protocol';

/** README.md of a submission: what it is a fine-tune of, for which task, and how it trained. */
export function modelCard(
  offer: TaskOffer,
  summary: { steps: number; finalLoss: number | null; recipe: string },
): string {
  return `---
base_model: ${offer.model.repo}
library_name: transformers
tags:
  - tuning-subnet
---

# Fine-tune for task ${offer.taskId}

| | |
|---|---|
| base model | ${offer.model.repo} @ ${offer.model.revision} |
| train split | ${offer.dataset.repo} @ ${offer.dataset.revision} |
| optimiser steps | ${summary.steps} |
| last training loss | ${summary.finalLoss === null ? 'not reported' : summary.finalLoss.toFixed(4)} |

The loss of every step is in \`log.jsonl\`. Recipe (Axolotl keys):

\`\`\`yaml
${summary.recipe.trim()}
\`\`\`
`;
}
