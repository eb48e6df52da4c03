"""Loads what our trainer wrote from the local hub by its id, as anybody would, and measures it. See trained-model.test.ts.

    trained_model.py REPO REVISION full|adapter ROWS

ROWS is a JSON file [[ids, labels], …]; prints {versions, tokens, losses: summed per row}.
"""

import json
import os
import sys

import peft
import torch
import transformers
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer

if __name__ == "__main__":
    assert os.environ["HF_ENDPOINT"].startswith("http://127.0.0.1:")
    repo, revision, kind, rows_file = sys.argv[1:]
    family = AutoPeftModelForCausalLM if kind == "adapter" else AutoModelForCausalLM
    model = family.from_pretrained(repo, revision=revision, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(repo, revision=revision)
    with open(rows_file) as file:
        rows = json.load(file)
    losses, tokens = [], 0
    with torch.inference_mode():
        for ids, labels in rows:
            logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
            targets = torch.tensor(labels[1:])
            losses.append(torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item())
            tokens += int((targets != -100).sum())
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
    print(
        json.dumps(
            {
                "versions": versions,
                "model": type(model).__name__,
                "tokens": tokens,
                "losses": losses,
                "decoded": tokenizer.decode(rows[0][0]),
            }
        )
    )
