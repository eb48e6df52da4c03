"""The side of transformers and torch in the benches; see side.js. Requests: about, gemm, eval, train, memory."""
import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM

transformers.utils.logging.disable_progress_bar()
args = json.loads(sys.argv[1])
torch.set_num_threads(args["threads"])
device = args.get("device", "cpu")
with open(args["rowsFile"]) as file:
    rows = torch.tensor(json.load(file), device=device)


def load():
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    return AutoModelForCausalLM.from_pretrained(args["dir"], dtype=dtype, local_files_only=True).to(device)


def about():
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    try:
        import peft

        versions["peft"] = peft.__version__
    except ImportError:
        pass
    return {"versions": versions, "threads": torch.get_num_threads()}


def gemm(size):
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(20):
            start = time.perf_counter()
            a @ b.T
            best = min(best, time.perf_counter() - start)
    return {"flops": 2 * size**3 / best}


evaluated = None


def evaluate(batch):
    """Token losses of all rows, `batch` rows at a time."""
    global evaluated
    if evaluated is None:
        evaluated = load().eval()
    start = time.perf_counter()
    total = 0.0
    with torch.inference_mode():
        for at in range(0, len(rows), batch):
            part = rows[at : at + batch]
            logits = evaluated(input_ids=part[:, :-1], use_cache=False).logits.float()
            nll = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), part[:, 1:].flatten(), reduction="none"
            )
            total += nll.double().sum().item()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "loss": total / rows[:, 1:].numel()}


def train(steps, warmup, lora=None):
    """Full or LoRA, all rows in one batch; the first `warmup` steps do not count."""
    model = load()
    if lora is not None:
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(
            model,
            LoraConfig(
                r=lora["rank"],
                lora_alpha=lora["alpha"],
                lora_dropout=lora["dropout"],
                target_modules=lora["targets"],
                task_type="CAUSAL_LM",
            ),
        )
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    losses = []
    for step in range(steps):
        if step == warmup:
            start, cpu_start = time.perf_counter(), time.process_time()
        optimiser.zero_grad(set_to_none=True)
        loss = model(input_ids=rows, labels=rows, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        losses.append(loss.item())
    seconds = (time.perf_counter() - start) / (steps - warmup)
    cpu_seconds = (time.process_time() - cpu_start) / (steps - warmup)
    return {"seconds": seconds, "cpuSeconds": cpu_seconds, "first": losses[0], "last": losses[-1]}


def memory():
    # ru_maxrss would carry over what the parent had when it forked.
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return {"peakRss": int(line.split()[1]) * 1024}


requests = {"about": about, "gemm": gemm, "eval": evaluate, "train": train, "memory": memory}
for line in sys.stdin:
    options = json.loads(line)
    what = options.pop("what")
    print(json.dumps(requests[what](**options)), flush=True)
