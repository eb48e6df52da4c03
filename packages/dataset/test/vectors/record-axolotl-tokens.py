"""Writes axolotl-tokens.json: the token ids and labels that real Axolotl makes of golden and random rows.

    python -m venv venv
    venv/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    venv/bin/pip install --no-deps axolotl==0.19.0 accelerate==1.13.0 peft==0.20.0 pillow posthog==6.7.11
    venv/bin/pip install transformers==5.16.1 datasets addict fire python-dotenv colorama psutil requests numba
    venv/bin/python record-axolotl-tokens.py

Recorded with axolotl 0.19.0, transformers 5.16.1, tokenizers 0.23.1. Nothing of Axolotl is copied here: its prompt
strategies are imported and run on rows that this file makes up.

A case is {type, tokenizer, sequenceLen, rows, expected}; expected[i] is null where Axolotl's own code fails on the row,
else a list of sequences [ids, runs, kept]: runs are lengths of masked and trained labels by turns, masked first (a
trained label is the id itself), kept says whether Axolotl's length filter lets the sequence through.
"""

import json
import random
import tempfile
from pathlib import Path

from axolotl.prompt_strategies import load
from axolotl.prompt_tokenizers import AlpacaPromptTokenizingStrategy
from axolotl.prompters import AlpacaPrompter
from axolotl.utils.dict import DictDefault
from axolotl.utils.trainer import filter_sequences_by_length
from transformers import AutoTokenizer

HERE = Path(__file__).parent
TOKENIZERS = HERE / "../../../llm/test/vectors/tokenizers"
# Name: its end token, its start token (SmolLM2's is not put before texts).
SPECIALS = {"smollm2": ("<|im_end|>", "<|endoftext|>"), "tinyllama": ("</s>", "<s>")}
RANDOM_ROWS = 200
SCRIPTS = [
    (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x30, 0x39), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x45F),
    (0x5D0, 0x5EA), (0x620, 0x64A), (0x905, 0x939), (0x3041, 0x30FE), (0x4E00, 0x4EFF), (0xAC00, 0xAC60), (0x1F300, 0x1F64F),
]  # fmt: skip
WORDS = "the a model answers words in of Which city is red blue 12 3.5 why? because, not: {x} (see) it's don't".split()
SPECIAL_TEXTS = ["<s>", "</s>", "<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>user\n", "[INST]", "{instruction}", "{{}}"]
SPACES = ["", " ", "  ", "\n", "\n\n", "\t", " \n ", "\u00a0", "\u3000"]
dice = random.Random(20261124)


def text(words):
    out = []
    for _ in range(dice.randint(1, words)):
        roll = dice.random()
        if roll < 0.75:
            out.append(dice.choice(WORDS))
        elif roll < 0.92:
            low, high = dice.choice(SCRIPTS)
            out.append("".join(chr(dice.randint(low, high)) for _ in range(dice.randint(1, 5))))
        else:
            out.append(dice.choice(SPECIAL_TEXTS))
    joined = dice.choice([" ", " ", " ", "\n", ""]).join(out)
    return dice.choice(["", "", "", *SPACES]) + joined + dice.choice(["", "", "", *SPACES])


def answer():
    roll = dice.random()
    if roll < 0.06:
        return ""
    if roll < 0.12:
        return dice.choice(SPACES[1:])
    if roll < 0.2:
        return dice.choice(SPECIAL_TEXTS[:6]) + text(4)
    if roll < 0.26:
        return text(4) + dice.choice(SPECIAL_TEXTS[:6])
    return text(60 if roll > 0.95 else 16)


def instruct_row():
    row = {"instruction": text(40 if dice.random() < 0.08 else 12), "output": answer()}
    if dice.random() < 0.85:
        row["input"] = dice.choice(["", " ", "\n", None]) if dice.random() < 0.3 else text(8)
    return row


def custom_row():
    row = instruct_row()
    if dice.random() < 0.5:
        row["text"] = dice.choice(["", None, text(6), text(6)])
    if dice.random() < 0.05:
        row["instruction"] = dice.choice([None, 0, 7, 2.5, True])
    return row


def completion_row():
    return {"text": dice.choice(["", None, " "]) if dice.random() < 0.06 else text(60)}


GOLDEN = {"instruction": "Add.", "input": "1 2", "output": "3", "text": "SYS?"}
NO_SYSTEM = {key: value for key, value in GOLDEN.items() if key != "text"}
INSTRUCT = [GOLDEN, {"instruction": "Hi.", "input": "", "output": "Hello"}, {"instruction": "Hi.", "output": "Hello"},
            {"instruction": "Hi.", "input": " ", "output": "a"}, {"instruction": None, "input": None, "output": None}]  # fmt: skip
LONG = {"text": " ".join(WORDS * 80)}
SPEC = {"system_prompt": "you are helpful", "system_format": "{system}", "field_system": "text",
        "field_instruction": "instruction", "field_input": "input", "field_output": "output"}  # fmt: skip
FORMATS = {**SPEC, "format": "[INST] {instruction} {{{input}}} [/INST]", "no_input_format": "{instruction}", "system_format": "<<{system}>>\n"}
CUSTOM = [GOLDEN, {"instruction": "Hi.", "input": "", "output": "Hello", "text": "SYS?"}, NO_SYSTEM,
          {**GOLDEN, "text": ""}, {**GOLDEN, "text": None}, {"instruction": None, "output": "x"}, {"instruction": "no answer"}]  # fmt: skip


def runs_of(ids, labels):
    runs, masked = [0], True
    for token, label in zip(ids, labels, strict=True):
        assert label in (-100, token)
        if (label == -100) != masked:
            masked = not masked
            runs.append(0)
        runs[-1] += 1
    return runs


def sequences(result, length):
    ids, labels = result.get("input_ids", []), result.get("labels", [])
    if not ids or isinstance(ids[0], int):
        ids, labels = [ids], [labels]
    kept = filter_sequences_by_length({"input_ids": [*ids, [0, 0]]}, sequence_len=length)
    return [[list(i), runs_of(i, l), bool(k)] for i, l, k in zip(ids, labels, kept, strict=False)]


def strategy_of(kind, tokenizer, length):
    cfg = DictDefault({"train_on_inputs": False, "sequence_len": length})
    if isinstance(kind, dict):
        return load("user_defined", tokenizer, cfg, kind)
    if kind == "completion":
        return load("completion", tokenizer, cfg, {})
    return AlpacaPromptTokenizingStrategy(AlpacaPrompter(), tokenizer, False, length)


def run(strategy, kind, row, length):
    try:
        prompt = {"text": [row["text"]]} if kind == "completion" else row
        return sequences(strategy.tokenize_prompt(prompt), length)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def main():
    instruct = INSTRUCT + [instruct_row() for _ in range(RANDOM_ROWS)]
    completion = [{"text": "abcdefghijklmnopq"}, {"text": ""}, LONG] + [completion_row() for _ in range(RANDOM_ROWS)]
    custom = CUSTOM + [custom_row() for _ in range(RANDOM_ROWS)]
    kinds = [("alpaca", 110, instruct), ("completion", 16, completion), (SPEC, 64, custom), (FORMATS, 64, custom), ({}, 48, CUSTOM)]
    row_sets, cases = [], []
    for name, (eos, bos) in SPECIALS.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "tokenizer.json").write_bytes((TOKENIZERS / f"{name}.json").read_bytes())
            config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos}
            Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            for kind, length, rows in kinds:
                if rows not in row_sets:
                    row_sets.append(rows)
                strategy = strategy_of(kind, tokenizer, length)
                expected = [run(strategy, kind, row, length) for row in rows]
                cases.append({"type": kind, "tokenizer": name, "bos": bos, "eos": eos, "sequenceLen": length,
                              "rows": row_sets.index(rows), "expected": expected})  # fmt: skip
    record = {"recordedWith": {"axolotl": "0.19.0"}, "rows": row_sets, "cases": cases}
    lines = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    (HERE / "axolotl-tokens.json").write_text(lines + "\n", "utf-8")
    print(f"{len(lines.encode()):,} bytes, {len(cases)} cases")


main()
