"""transformers against the local hub: publishes a model folder as it is and loads it back. See hub.test.ts."""

import json
import os
import sys
from pathlib import Path

import torch
import transformers
from huggingface_hub import HfApi
from transformers import AutoModelForCausalLM, AutoTokenizer

if __name__ == "__main__":
    assert os.environ["HF_ENDPOINT"].startswith("http://127.0.0.1:")
    source = Path(sys.argv[1])
    api = HfApi()
    repo = f"{api.whoami()['name']}/model"
    api.create_repo(repo, private=True)
    commit = api.upload_folder(
        repo_id=repo, folder_path=source, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.jinja"]
    )
    local = AutoModelForCausalLM.from_pretrained(source)
    tokenizer = AutoTokenizer.from_pretrained(repo, revision=commit.oid)
    model = AutoModelForCausalLM.from_pretrained(repo, revision=commit.oid)
    ids = torch.tensor([tokenizer("The hub gives back what it was given.").input_ids])
    with torch.no_grad():
        same = torch.equal(model(ids).logits, local(ids).logits)
    # The client's own way up: save, create, commit, card.
    pushed = model.push_to_hub(f"{repo}-pushed", private=True)
    again = AutoModelForCausalLM.from_pretrained(f"{repo}-pushed")
    with torch.no_grad():
        pushed_same = torch.equal(again(ids).logits, local(ids).logits)
    print(
        json.dumps(
            {
                "version": transformers.__version__,
                "parameters": sum(p.numel() for p in model.parameters()),
                "tokens": ids.shape[1],
                "same": same,
                "pushed": bool(pushed.oid) and pushed_same,
            }
        )
    )
