"""Writes a bench's Llama model as a GGUF in float32, with a vocabulary that turns a text into ids of our choice.

Usage: llama_gguf.py DIR OUT, where DIR holds config.json and model.safetensors of a Llama with tied embeddings. Needs
the packages gguf, numpy and safetensors.
"""
import json
import os
import sys

import gguf
from safetensors.numpy import load_file

from llama_text import piece

# Of a layer, as transformers names them and as GGUF does.
LAYER_TENSORS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def pairs_side_by_side(matrix, heads):
    """[heads * size, inputs]: rotary position pairs row i of a head with row i + size / 2 in transformers, and with row
    i + 1 in GGUF's "llama"."""
    halves = matrix.reshape(heads, 2, -1, matrix.shape[1])
    return halves.swapaxes(1, 2).reshape(matrix.shape)


def tensors(config, weights):
    """Name and data of every tensor; the embedding is the head as well, and stands once."""
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    yield "token_embd.weight", weights["model.embed_tokens.weight"]
    for layer in range(config["num_hidden_layers"]):
        for theirs, name in LAYER_TENSORS.items():
            data = weights[f"model.layers.{layer}.{theirs}.weight"]
            if name in heads:
                data = pairs_side_by_side(data, heads[name])
            yield f"blk.{layer}.{name}.weight", data
    yield "output_norm.weight", weights["model.norm.weight"]


def describe(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def add_vocabulary(writer, size):
    """SentencePiece's kind splits a text in characters and joins those whose pair is a piece; here no pair is one."""
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece(id).encode() for id in range(size)])
    writer.add_token_scores([0.0] * size)
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_unk_token_id):
        add(0)
    for add in (writer.add_add_bos_token, writer.add_add_eos_token, writer.add_add_space_prefix):
        add(False)


def main(model_dir, out):
    with open(os.path.join(model_dir, "config.json")) as file:
        config = json.load(file)
    writer = gguf.GGUFWriter(out, "llama")
    describe(writer, config)
    add_vocabulary(writer, config["vocab_size"])
    for name, data in tensors(config, load_file(os.path.join(model_dir, "model.safetensors"))):
        writer.add_tensor(name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
