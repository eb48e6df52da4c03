import type { CurvePoint, TaskOffer } from '@tuning/protocol';
import { stringify } from 'yaml';
import { lossChart } from './loss-chart.ts';
import { publishedRecipe } from './published-recipe.ts';

export interface ModelCardFacts {
  offer: TaskOffer;
  /** `namespace/name` of the submission. */
  repo: string;
  hotkey: string;
  /** A LoRA adapter, to be loaded on top of the base model by peft; otherwise the whole model. */
  isAdapter: boolean;
  /** recipe.yml of the job. */
  recipe: string;
  steps: number;
  finalLoss: number | null;
  /** Points of log.jsonl, as far as they can be read. */
  curve: readonly CurvePoint[];
}

/**
 * README.md of a submission: what it is a fine-tune of, for whom, how it trained, and how to load it. The YAML makes the hub
 * show it under its base model. Everything in it is public once the repo is; nothing of this machine is in it.
 */
export function modelCard(facts: ModelCardFacts): string {
  const { offer, hotkey, isAdapter, recipe } = facts;
  const recipeText = publishedRecipe(recipe);
  const chart = lossChart(facts.curve);
  return `---
${stringify(cardHead(facts), { lineWidth: 0 })}---

# Fine-tune of ${offer.model.repo} for task ${offer.taskId}

${isAdapter ? 'A LoRA adapter' : 'All weights'} of ${modelLink(offer.model.repo)}, trained by a miner of a fine-tuning subnet.

| | |
|---|---|
| base model | ${modelLink(offer.model.repo)} @ \`${offer.model.revision}\` |
| train split | [${offer.dataset.repo}](https://huggingface.co/datasets/${offer.dataset.repo}) @ \`${offer.dataset.revision}\` |
| subnet | netuid ${offer.netuid} |
| task | ${offer.taskId}, deadline block ${offer.deadlineBlock} |
| hotkey | \`${hotkey}\` |

## Training

${numbersOf(facts)}
${chart === '' ? '' : `\nLoss by step${facts.curve.length > 64 ? ', each mark the mean of several steps' : ''}:\n\n\`\`\`text\n${chart}\n\`\`\`\n`}
The loss of every step is in \`log.jsonl\`.

## Load

\`\`\`python
${loadingCode(facts)}
\`\`\`

## Recipe

Axolotl's keys:

${fenced('yaml', recipeText)}
`;
}

function cardHead({ offer, isAdapter }: ModelCardFacts): object {
  return {
    base_model: offer.model.repo,
    base_model_relation: isAdapter ? 'adapter' : 'finetune',
    library_name: isAdapter ? 'peft' : 'transformers',
    pipeline_tag: 'text-generation',
    datasets: [offer.dataset.repo],
    tags: ['tuning-subnet', ...(isAdapter ? ['lora'] : [])],
  };
}

const modelLink = (repo: string) => `[${repo}](https://huggingface.co/${repo})`;

/** Only what was reported; a log that cannot be read leaves the steps. */
function numbersOf({ steps, finalLoss, curve }: ModelCardFacts): string {
  const [first, last] = [curve[0], curve.at(-1)];
  const loss = (value: number | null | undefined) => (value == null ? 'not reported' : value.toFixed(4));
  const rows: [string, string][] = [
    ['optimiser steps', String(steps)],
    ['last loss', loss(finalLoss)],
  ];
  if (first && last) {
    rows.push(['first loss', loss(first.loss)], ['lowest loss', loss(Math.min(...curve.map((point) => point.loss)))]);
    rows.push(['epochs', String(Number(last.epoch.toFixed(3)))], ['trained tokens', String(last.tokens)]);
    rows.push(['from first to last step', `${Math.round((last.ts - first.ts) / 1000)} s`]);
  }
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

function loadingCode({ offer, repo, isAdapter }: ModelCardFacts): string {
  const { repo: base, revision } = offer.model;
  const tokenizer = `tokenizer = AutoTokenizer.from_pretrained("${base}", revision="${revision}")`;
  if (!isAdapter) {
    return `from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("${repo}")
${tokenizer}`;
  }
  return `from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("${base}", revision="${revision}")
model = PeftModel.from_pretrained(base, "${repo}")
${tokenizer}`;
}

/** A fence longer than any in the text, so that an operator's template cannot end it. */
function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
