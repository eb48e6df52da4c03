"""Trains one run of `torch-runs.ts` with transformers' own Trainer (and PEFT for an adapter), in float32 on the CPU.

    python3.11 -m venv venv
    venv/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    venv/bin/pip install transformers peft accelerate

`torch-runs.test.ts` starts it where TUNING_TORCH_PYTHON names such a Python: a JSON object on stdin, {model: folder, adapter:
folder or null, recipe: Axolotl's keys, epochs: [[micro-batch, …], …]}. A micro-batch is a list of sequences, a sequence a list
of rows [ids, labels]; several rows share a sequence where the recipe packs. Answers one JSON line: {versions, losses, lrs,
norms}. Order of the rows and the adapter's first values are given; schedule, clipping, accumulation, weight decay and AdamW
are the Trainer's.
"""

import json
import sys
import tempfile

import torch
import transformers
from torch.utils.data import Sampler
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

BLOCKED = torch.finfo(torch.float32).min
IGNORED = -100

job = json.loads(sys.stdin.read())
recipe = job["recipe"]
# One thread adds up in one order.
torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()


def laid_out(micro_batch):
    """ids, labels, positions [B, T] and the mask [B, 1, T, T] of sequences whose rows don't see each other."""
    length = max(sum(len(ids) for ids, _ in rows) for rows in micro_batch)
    shape = (len(micro_batch), length)
    batch = {
        "input_ids": torch.zeros(shape, dtype=torch.long),
        "labels": torch.full(shape, IGNORED),
        "position_ids": torch.arange(length).expand(shape).clone(),
        "attention_mask": torch.full((len(micro_batch), 1, length, length), BLOCKED),
    }
    for index, rows in enumerate(micro_batch):
        at = 0
        for ids, labels in [*rows, [[0] * (length - sum(len(ids) for ids, _ in rows)), []]]:
            here = slice(at, at + len(ids))
            batch["input_ids"][index, here] = torch.tensor(ids, dtype=torch.long)
            # Nothing comes before a row's first token that could predict it.
            batch["labels"][index, at + 1 : at + len(labels)] = torch.tensor(labels[1:], dtype=torch.long)
            batch["position_ids"][index, here] = torch.arange(len(ids))
            batch["attention_mask"][index, 0, here, here] = torch.full((len(ids), len(ids)), BLOCKED).triu(1)
            at += len(ids)
    return batch


class GivenOrder(Sampler):
    """The micro-batches of the epoch that the Trainer is in."""

    def __init__(self):
        self.set_epoch(0)

    def set_epoch(self, epoch):
        before = sum(len(micro_batches) for micro_batches in job["epochs"][:epoch])
        self.indices = range(before, before + len(job["epochs"][epoch]))

    def __iter__(self):
        return iter(self.indices)

    def __len__(self):
        return len(self.indices)


class Recorder(TrainerCallback):
    """Losses and rates of every optimiser step, whole: the Trainer's own log rounds them."""

    def __init__(self):
        self.passes, self.losses, self.lrs, self.norms = [], [], [], []

    def on_optimizer_step(self, args, state, control, **kwargs):
        self.losses.append(sum(self.passes))
        self.passes.clear()
        self.lrs.append(kwargs["optimizer"].param_groups[0]["lr"])


class GivenTrainer(Trainer):
    recorder = Recorder()

    def _get_train_sampler(self, *_):
        return GivenOrder()

    def training_step(self, *args, **kwargs):
        loss = super().training_step(*args, **kwargs)
        self.recorder.passes.append(loss.double().item())
        return loss

    def _clip_grad_norm(self, model):
        norm = super()._clip_grad_norm(model)
        self.recorder.norms.append(norm.item())
        return norm


def main():
    model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32, attn_implementation="eager")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    if job["adapter"] is not None:
        import peft

        versions["peft"] = peft.__version__
        model = peft.PeftModel.from_pretrained(model, job["adapter"], is_trainable=True)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            # A micro-batch is one item of the dataset.
            per_device_train_batch_size=1,
            gradient_accumulation_steps=recipe["gradient_accumulation_steps"],
            max_steps=recipe["max_steps"],
            learning_rate=recipe["learning_rate"],
            lr_scheduler_type=recipe["lr_scheduler"],
            warmup_steps=recipe["warmup_steps"],
            weight_decay=recipe["weight_decay"],
            max_grad_norm=recipe["max_grad_norm"],
            adam_beta1=recipe["adam_beta1"],
            adam_beta2=recipe["adam_beta2"],
            adam_epsilon=recipe["adam_epsilon"],
            optim="adamw_torch",
        )
        trainer = GivenTrainer(
            model=model,
            args=arguments,
            train_dataset=[laid_out(micro_batch) for epoch in job["epochs"] for micro_batch in epoch],
            data_collator=lambda items: items[0],
            callbacks=[GivenTrainer.recorder],
        )
        trainer.train()
    recorder = GivenTrainer.recorder
    print(json.dumps({"versions": versions, "losses": recorder.losses, "lrs": recorder.lrs, "norms": recorder.norms}))


if __name__ == "__main__":
    main()
