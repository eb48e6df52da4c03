"""The side of llama.cpp's perplexity tool in the benches; see side.js. Requests: about, eval, memory.

The tool is a process anew for every round. It takes windows of `tokens` ids and scores the second half of each, of which
alone it computes logits.
"""
import json
import math
import os
import re
import subprocess
import sys
import time

from llama_text import text_of

args = json.loads(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
model = os.path.join(args["dir"], "model.gguf")
text = os.path.join(args["dir"], "rows.txt")
TRIES = 5
peak = 0


def prepare(tokens):
    """In a process of its own: a child's peak begins with what its parent has when it forks."""
    subprocess.run([sys.executable, os.path.join(here, "llama_gguf.py"), args["dir"], model], check=True)
    with open(args["rowsFile"]) as file:
        rows = json.load(file)
    with open(text, "w", encoding="utf-8") as file:
        file.write("".join(text_of(row[:tokens]) for row in rows))
    return len(rows)


rows = prepare(args["tokens"])


def evaluate(batch):
    """Perplexity of all windows, `batch` windows at a time; seconds without loading the model and tokenizing."""
    # The tool writes its log in a thread, and sometimes ends before the last lines of it are out.
    for _ in range(TRIES):
        answer, said = run(batch)
        if answer:
            return answer
    sys.exit(f"{args['llama']} ended without an estimate, {TRIES} times: {''.join(said[-5:])}")


def run(batch):
    """One run's seconds and loss, or None where it told no estimate; and its lines."""
    global peak
    tokens, threads = str(args["tokens"]), str(args["threads"])
    command = [args["llama"], "-m", model, "-f", text, "-c", tokens, "-b", str(batch * args["tokens"])]
    # Keys and values in float32, as on the other sides; they would be float16.
    command += ["-t", threads, "-tb", threads, "-ctk", "f32", "-ctv", "f32"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    start = end = perplexity = None
    said = []
    for line in process.stdout:
        line = line.decode(errors="replace")
        said.append(line)
        if found := re.search(r"calculating perplexity over (\d+) chunks, n_ctx=(\d+)", line):
            start = time.perf_counter()
            expected = (rows, args["tokens"])
            if tuple(map(int, found.groups())) != expected:
                sys.exit(f"{args['llama']}: {found[0]}, and not the {expected} that it was given: other tokens than ours")
        elif found := re.search(r"Final estimate: PPL = ([\d.]+)", line):
            end = time.perf_counter()
            perplexity = float(found[1])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{args['llama']} ended with {process.returncode}: {''.join(said[-5:])}")
    peak = max(peak, usage.ru_maxrss * 1024)
    if start is None or end is None:
        return None, said
    return {"seconds": end - start, "loss": math.log(perplexity)}, said


def about():
    answer = subprocess.run([args["llama"], "--version"], capture_output=True, text=True, check=True)
    said = re.search(r"version: .*", answer.stdout + answer.stderr)
    return {"versions": {"llama.cpp": said[0] if said else "unknown"}}


def memory():
    return {"peakRss": peak}


requests = {"about": about, "eval": evaluate, "memory": memory}
for line in sys.stdin:
    options = json.loads(line)
    print(json.dumps(requests[options.pop("what")](**options)), flush=True)
