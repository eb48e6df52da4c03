"""Writes the vectors of test/families.test.ts and test/train/family-gradients.test.ts: a tiny random model of every
family with transformers' own code, the loss of each token in float32, and gradients in float64.

    pip install torch transformers safetensors numpy
    OMP_NUM_THREADS=1 python make-family-vectors.py

Each folder of families/ holds config.json and the weights as `save_pretrained` wrote them (float32; half/ the same
model stored as bfloat16 or float16), vector.json (token ids, losses, versions) and gradients.safetensors.
"""

import json
import pathlib
import shutil
import sys

import safetensors.torch
import torch
import transformers
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent / "families"
VOCABULARY = 71

COMMON = dict(
    vocab_size=VOCABULARY, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False,
    bos_token_id=1, eos_token_id=2, pad_token_id=0,
)


def rope(kind, theta=10000.0, **more):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **more))


def case(cls, lengths=(70, 41), half="bfloat16", shard=None, trained=True, **changes):
    """`half`: the second storage type, None = none. `trained`: gradients, too."""
    return dict(cls=cls, lengths=lengths, half=half, shard=shard, trained=trained, config={**COMMON, **changes})


def variant(cls, **changes):
    return case(cls, half=None, trained=False, **changes)


SHORT = [1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0]
LONG = [1.0, 1.3, 1.8, 2.5, 3.5, 5.0, 7.0, 9.0]

CASES = {
    # Llama 2: nothing shared, one key head per query head.
    # Llama 2: nothing shared, one key head per query head.
    "llama": case("Llama", num_key_value_heads=2, head_dim=None, hidden_size=32, num_attention_heads=2),
    # Llama 3.2: rows far beyond the original length, tied, in shards.
    "llama3": case("Llama", tie_word_embeddings=True, shard="30KB",
                   **rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                          original_max_position_embeddings=16)),
    "llama-biases": case("Llama", half=None, num_hidden_layers=1, attention_bias=True, mlp_bias=True),
    # No fused rotary kernel for this width, and none for attention.
    "llama-head-24": variant("Llama", head_dim=24, num_hidden_layers=1),
    "llama-head-12": case("Llama", half=None, head_dim=12, num_hidden_layers=1, **rope("linear", factor=4.0)),
    "llama-dynamic": variant("Llama", num_hidden_layers=1, lengths=(70, 41, 30), max_position_embeddings=32, **rope("dynamic", factor=4.0)),
    "llama-yarn": variant("Llama", num_hidden_layers=1,
                          **rope("yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=16.0, beta_slow=2.0)),
    "mistral": case("Mistral", sliding_window=8, half="float16"),
    "qwen2": case("Qwen2", hidden_size=32, num_attention_heads=2, num_key_value_heads=1, head_dim=None,
                  intermediate_size=24, num_hidden_layers=3, use_sliding_window=True, sliding_window=9, max_window_layers=1,
                  tie_word_embeddings=True, **rope("yarn", 1e6, factor=4.0, original_max_position_embeddings=32)),
    "qwen3": case("Qwen3", tie_word_embeddings=True, **rope("default", 1e6)),
    "smollm3": case("SmolLM3", head_dim=None, hidden_size=32, num_attention_heads=2, no_rope_layer_interval=2,
                    num_key_value_heads=1, tie_word_embeddings=True, **rope("default", 2e6)),
    "phi3": case("Phi3", lengths=(70, 41, 24), head_dim=None, hidden_size=32, num_attention_heads=2, num_key_value_heads=2,
                 intermediate_size=24, sliding_window=13, original_max_position_embeddings=32,
                 **rope("longrope", short_factor=SHORT, long_factor=LONG)),
    # Phi-4-mini: grouped, tied, part of a head turns.
    "phi3-partial": variant("Phi3", lengths=(70, 24), head_dim=None, hidden_size=64, num_attention_heads=2, num_key_value_heads=1,
                            intermediate_size=24, num_hidden_layers=1, tie_word_embeddings=True, sliding_window=None,
                            original_max_position_embeddings=32,
                            **rope("longrope", partial_rotary_factor=0.5, short_factor=SHORT, long_factor=LONG)),
    "gemma2": case("Gemma2", sliding_window=7, query_pre_attn_scalar=24, attn_logit_softcapping=5.0,
                   final_logit_softcapping=9.0, tie_word_embeddings=True, hidden_activation="gelu_pytorch_tanh"),
    "gemma3": case("Gemma3", num_hidden_layers=3, num_key_value_heads=1, num_attention_heads=2, sliding_window=7, query_pre_attn_scalar=20,
                   tie_word_embeddings=True, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
                   hidden_activation="gelu_pytorch_tanh",
                   rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6),
                                        sliding_attention=dict(rope_type="default", rope_theta=10000.0))),
    # Pythia: parallel residual, a quarter of each head turns.
    "gpt-neox": case("GPTNeoX", hidden_size=32, num_attention_heads=2, hidden_act="gelu",
                     **rope("default", partial_rotary_factor=0.25)),
    "gpt-neox-serial": variant("GPTNeoX", hidden_size=48, num_attention_heads=3, num_hidden_layers=1,
                               hidden_act="gelu", use_parallel_residual=False, attention_bias=False,
                               **rope("default", partial_rotary_factor=0.25)),
    "gpt2": case("GPT2", n_embd=24, n_head=2, n_layer=2, n_inner=None, n_positions=80, activation_function="gelu_new",
                 tie_word_embeddings=True),
}
DROPPED = {
    "GPTNeoX": ["num_key_value_heads", "head_dim", "rms_norm_eps"],
    "GPT2": ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
             "rms_norm_eps", "max_position_embeddings"],
}
# Families whose class leaves an absent key to `getattr`: None would not do.
NO_HEAD_DIM = ["SmolLM3", "Qwen2", "Phi3"]


def build(spec):
    name = spec["cls"]
    settings = {k: v for k, v in spec["config"].items() if k not in DROPPED.get(name, [])}
    if name in NO_HEAD_DIM:
        settings.pop("head_dim", None)
    kind = "Gemma3TextConfig" if name == "Gemma3" else f"{name}Config"
    config = getattr(transformers, kind)(**settings)
    config._attn_implementation = "eager"
    model_class = {"Gemma3": "Gemma3ForCausalLM", "GPT2": "GPT2LMHeadModel"}.get(name, f"{name}ForCausalLM")
    model = getattr(transformers, model_class)(config)
    generator = torch.Generator().manual_seed(len(name) + config.num_hidden_layers)
    centred = name.startswith("Gemma")
    with torch.no_grad():
        for key, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            is_norm = value.dim() == 1 and key.endswith(".weight")
            value.copy_(noise * 0.2 + (0.0 if centred else 1.0) if is_norm else noise * (0.3 if value.dim() == 2 else 0.2))
    return model.eval()


def losses(folder, rows):
    out = []
    with torch.no_grad():
        for ids in rows:
            # A fresh model for each row: some rope types keep state.
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
            ids = torch.tensor([ids])
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1].double()
            out.append(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none"))
    total = torch.cat(out).mean().item()
    return [[float(f"{x:.9g}") for x in nll.tolist()] for nll in out], float(f"{total:.12g}")


def gradients(folder, generator):
    """Gradients of the mean loss of two rows, some labels ignored, in float64."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").double().train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    # Few different ids, so that rows of the embedding repeat; not id 0, whose row torch leaves out as padding.
    ids = torch.randint(3, 23, (2, 18), generator=generator)
    labels = torch.cat([ids[:, 1:], torch.full((2, 1), -100)], dim=1)
    labels[0, :4] = -100
    logits = model(input_ids=ids, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    loss.backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    return ids, labels, loss.item(), grads


def write_gradients(folder, grads):
    stored = {}
    for file in sorted(folder.glob("*.safetensors")):
        stored.update(safetensors.torch.load_file(file))
    # The names of the file: transformers renames some of them while loading.
    renamed = {("embed_out.weight" if key == "lm_head.weight" and "embed_out.weight" in stored else key): g for key, g in grads.items()}
    assert set(renamed) == set(stored), set(renamed) ^ set(stored)
    safetensors.torch.save_file({k: v.float().contiguous() for k, v in renamed.items()}, folder / "gradients.safetensors")


def main():
    wanted = sys.argv[1:] or list(CASES)
    for name in wanted:
        spec = CASES[name]
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        torch.manual_seed(0)
        model = build(spec)
        model.save_pretrained(folder, **({"max_shard_size": spec["shard"]} if spec["shard"] else {}))
        generator = torch.Generator().manual_seed(5)
        rows = [torch.randint(0, VOCABULARY, (length,), generator=generator).tolist() for length in spec["lengths"]]
        nll, loss = losses(folder, rows)
        vector = dict(
            made_with=f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}",
            rows=rows, nll=nll, loss=loss,
        )
        if spec["half"]:
            half = folder / "half"
            model.to(getattr(torch, spec["half"])).save_pretrained(half)
            half_nll, half_loss = losses(half, rows)
            vector["half"] = dict(dtype=spec["half"], nll=half_nll, loss=half_loss)
        if spec["trained"]:
            ids, labels, grad_loss, grads = gradients(folder, generator)
            vector["gradient"] = dict(ids=ids.tolist(), labels=labels.tolist(), loss=grad_loss)
            write_gradients(folder, grads)
        for extra in [*folder.rglob("generation_config.json")]:
            extra.unlink()
        (folder / "vector.json").write_text(json.dumps(vector, separators=(",", ":")) + "\n")
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        print(f"{name:18s} loss {loss:.6f} {size / 1000:.0f} kB", flush=True)


main()
