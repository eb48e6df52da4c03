"""
Writes the vectors of this folder with the real PEFT: two tiny bases, adapters of every kind that is supported,
and the losses of each. Bases of other families are those of ../families. Run in a virtual environment with torch, transformers, peft and safetensors:

    node make-trained.js      # first: an adapter that our own trainer writes
    python make.py            # writes beside itself
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig

HERE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
VOCABULARY = 48
ROWS = [[3, 17, 5, 40, 8, 8, 21, 0, 33, 12], [44, 1, 2, 30, 29, 28], [7, 7, 7, 7, 16, 9, 9, 25, 41, 38, 6, 19]]

LLAMA = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=16,
    intermediate_size=48,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    rope_theta=10000.0,
    eos_token_id=0,
    bos_token_id=None,
    pad_token_id=None,
)
BASES = {
    "llama": LlamaConfig(**LLAMA, tie_word_embeddings=False),
    "llama-tied": LlamaConfig(**LLAMA, tie_word_embeddings=True),
}
ATTENTION = ["q_proj", "v_proj"]
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# name: (base, LoraConfig arguments)
VARIANTS = {
    "plain": ("llama", dict(r=4, lora_alpha=8, target_modules=ATTENTION)),
    "all-linear": ("llama-tied", dict(r=2, lora_alpha=4, target_modules="all-linear")),
    "alpha": ("llama", dict(r=4, lora_alpha=3, target_modules=ALL)),
    "rslora": ("llama", dict(r=4, lora_alpha=8, use_rslora=True, target_modules=ATTENTION)),
    "rank-pattern": (
        "llama",
        dict(
            r=2,
            lora_alpha=4,
            target_modules=ALL,
            rank_pattern={"^model.layers.0.self_attn.q_proj": 5, r"layers\.1\.mlp\.(up|gate)_proj": 3, "o_proj": 1},
        ),
    ),
    "alpha-pattern": (
        "llama",
        dict(
            r=2,
            lora_alpha=4,
            target_modules=ALL,
            use_rslora=True,
            rank_pattern={"down_proj": 4},
            alpha_pattern={"1.self_attn.q_proj": 9, "q_proj": 2, r".*mlp\.[a-z]+_proj": 7, "proj": 99, "k_proj": 50},
        ),
    ),
    "regex": ("llama", dict(r=3, lora_alpha=6, target_modules=r".*\.(?:0\.self_attn\.[qkv]_proj|1\.mlp\.(gate|down)_proj)")),
    "exclude": ("llama", dict(r=3, lora_alpha=6, target_modules="all-linear", exclude_modules=["k_proj", "1.mlp.up_proj"])),
    "exclude-regex": ("llama", dict(r=3, lora_alpha=6, target_modules=ALL, exclude_modules=r".*layers\.0\.mlp.*")),
    "layers": ("llama", dict(r=3, lora_alpha=6, target_modules=ALL, layers_to_transform=[1])),
    "layers-pattern": (
        "llama",
        dict(r=3, lora_alpha=6, target_modules=ATTENTION, layers_to_transform=0, layers_pattern="layers"),
    ),
    "head": ("llama", dict(r=3, lora_alpha=6, target_modules=["q_proj", "lm_head"])),
    "embedding": ("llama", dict(r=3, lora_alpha=6, target_modules=["embed_tokens", "v_proj"])),
    "saved": (
        "llama",
        dict(r=3, lora_alpha=6, target_modules=["q_proj", "gate_proj"], modules_to_save=["lm_head", "norm", "0.mlp"]),
    ),
    "saved-embedding": ("llama", dict(r=3, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["embed_tokens"])),
    # Every family, whatever its modules are called and however it stores them.
    **{
        f"family-{name}": (f"../families/{name}", dict(r=3, lora_alpha=6, target_modules="all-linear"))
        for name in ("llama3", "mistral", "qwen2", "qwen3", "smollm3", "phi3", "gemma2", "gemma3", "gpt2", "gpt-neox")
    },
    "transposed": (
        "../families/gpt2",
        dict(r=3, lora_alpha=6, target_modules=["c_attn", "mlp.c_proj", "wpe"], fan_in_fan_out=True, use_rslora=True),
    ),
    "saved-biases": (
        "../families/qwen2",
        dict(r=3, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["k_proj", "norm"]),
    ),
    "saved-untied": (
        "../families/gpt-neox",
        dict(r=3, lora_alpha=6, target_modules=["query_key_value"], modules_to_save=["embed_out", "embed_in"]),
    ),
    "bf16": ("llama", dict(r=4, lora_alpha=8, target_modules=ATTENTION)),
}


def losses(model):
    """Loss of each predicted token, row by row."""
    result = []
    for row in ROWS:
        ids = torch.tensor([row])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1].float()
        result.append(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none").tolist())
    return result


def randomise(model):
    """Adapters and saved modules as if trained: no B is zero and no copy equal to the base."""
    generator = torch.Generator().manual_seed(7)
    for name, parameter in model.named_parameters():
        if "lora_" in name or "modules_to_save" in name:
            noise = torch.randn(parameter.shape, generator=generator) * 0.15
            parameter.data = parameter.data + noise if "modules_to_save" in name else noise


def write_base(name, config):
    torch.manual_seed(11)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data = torch.randn(parameter.shape) * 0.12
        else:
            parameter.data = parameter.data + torch.randn(parameter.shape) * 0.1
    model.save_pretrained(HERE / name)
    (HERE / name / "generation_config.json").unlink(missing_ok=True)


def fresh(base):
    return AutoModelForCausalLM.from_pretrained(HERE / base, attn_implementation="eager", dtype=torch.float32).eval()


def write_variant(name, base, arguments):
    folder = HERE / name
    model = get_peft_model(fresh(base), LoraConfig(task_type="CAUSAL_LM", **arguments))
    randomise(model)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = f"tiny/{Path(base).name}"
    config["revision"] = "a" * 40
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    if name == "bf16":
        file = str(folder / "adapter_model.safetensors")
        save_file({key: value.bfloat16() for key, value in load_file(file).items()}, file, {"format": "pt"})
    return loaded_losses(base, folder)


def loaded_losses(base, folder):
    """As anybody would load it: what was not saved does not count."""
    return losses(PeftModel.from_pretrained(fresh(base), folder).eval())


def main():
    for name in [*BASES, *VARIANTS]:
        shutil.rmtree(HERE / name, ignore_errors=True)
    expected = {}
    for name, config in BASES.items():
        write_base(name, config)
        expected[name] = {"base": name, "losses": losses(fresh(name))}
    for name, (base, arguments) in VARIANTS.items():
        expected[name] = {"base": base, "losses": write_variant(name, base, arguments)}
        assert expected[name]["losses"] != losses(fresh(base)), name
    # Written by this repository's trainer (make-trained.js), read by PEFT.
    expected["trained"] = {"base": "llama", "losses": loaded_losses("llama", HERE / "trained")}
    versions = {module.__name__: module.__version__ for module in (torch, transformers, peft)}
    document = {"versions": versions, "rows": ROWS, "expected": expected}
    (HERE / "expected.json").write_text(json.dumps(document, indent=1) + "\n")


main()
