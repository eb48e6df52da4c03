"""Writes torch-reference.json: losses and gradients of transformers + PEFT in float64 for `torch-reference.test.ts`.

Run with torch, transformers and peft installed (made with torch 2.15, transformers 4.38.2, peft 0.9.0):
    python torch-reference.py > torch-reference.json
Weights and ids are formulas, so that both sides make the same ones.
"""
import json
import math

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

torch.set_default_dtype(torch.float64)
STEPS, BATCH, LENGTH, RANK, ALPHA = 6, 3, 11, 4, 8
LEARNING_RATE, BETAS, EPSILON, DECAY = 5e-3, (0.9, 0.95), 1e-8, 0.1
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def ids_of(step):
    """Ten distinct ids, so that rows of the embedding repeat."""
    return torch.tensor([[(t * t + 3 * t + 5 * b + 7 * step) % 10 * 9 for t in range(LENGTH)] for b in range(BATCH)])


def labels_of(step):
    labels = ids_of(step).clone()
    for b in range(BATCH):
        labels[b, : b + 2] = -100
    return labels


def fill(parameter, formula):
    values = [formula(i) for i in range(parameter.numel())]
    parameter.data = torch.tensor(values, dtype=torch.float32).to(torch.float64).reshape(parameter.shape)


def key(name):
    """A number per tensor from its name."""
    return sum(ord(c) for c in name) % 97


def model_of(tied):
    config = LlamaConfig(vocab_size=97, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         intermediate_size=40, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=tied,
                         attn_implementation="eager")
    model = LlamaForCausalLM(config)
    for name, parameter in model.named_parameters():
        k = key(name)
        if parameter.dim() == 1:
            fill(parameter, lambda i: 1 + 0.2 * math.sin(i + k))
        else:
            fill(parameter, lambda i: 0.2 * math.sin(1.7 * i + 0.003 * i * i + k))
    return model


def run(model, named):
    named = list(named)
    groups = [{"params": [p for _, p in named if p.dim() > 1], "weight_decay": DECAY},
              {"params": [p for _, p in named if p.dim() == 1], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)
    losses, gradients = [], {}
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = model(input_ids=ids_of(step), labels=labels_of(step)).loss
        loss.backward()
        if step == 0:
            for name, p in named:
                flat = p.grad.flatten()
                weights = torch.cos(torch.arange(flat.numel(), dtype=torch.float64))
                gradients[name] = {"norm": flat.norm().item(), "projection": (flat * weights).sum().item()}
        torch.nn.utils.clip_grad_norm_([p for _, p in named], 1.0)
        optimiser.step()
        losses.append(loss.item())
    return {"losses": losses, "gradients": gradients}


def lora():
    model = get_peft_model(model_of(True), LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=MODULES))
    trained = []
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            continue
        saved = name.replace(".default", "")
        k = key(saved)
        scale = 0.2 if "lora_A" in name else 0.1
        fill(parameter, lambda i: scale * math.sin(0.9 * i + 0.002 * i * i + k))
        trained.append((saved, parameter))
    return run(model, trained)


tied, untied = model_of(True), model_of(False)
print(json.dumps({"tied": run(tied, tied.named_parameters()), "untied": run(untied, untied.named_parameters()),
                  "lora": lora()}, indent=1))
