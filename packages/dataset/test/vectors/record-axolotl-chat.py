"""Writes axolotl-chat.json: the token ids and labels that real Axolotl makes of conversations, golden and random ones.

Environment as in record-axolotl-tokens.py (axolotl 0.19.0, transformers 5.16.1; torch 2.13.0 was there). Nothing of Axolotl
is copied here: its `chat_template` strategy is imported and run, row by row as `datasets.map` gives it a batch of one.

A case is {name, type, template, tokenizer, bos, eos, trimOffsets?, sequenceLen, trainOnInputs?, rows, expected}; `type` has
the keys of a dataset entry. expected[i] is null where Axolotl's own code fails on the row, else [digest, runs, kept]: digest
is the start of the ids' sha256 (as decimal text with commas), runs are lengths of masked and trained labels by turns, masked
first (a trained label is the id itself), kept says whether Axolotl's length filter lets the sequence through. `golden` has
the ids themselves of the first rows.
"""

import copy
import hashlib
import json
import random
import sys
import tempfile
from pathlib import Path

from axolotl.prompt_strategies import load
from axolotl.utils.dict import DictDefault
from axolotl.utils.trainer import filter_sequences_by_length
from transformers import AutoTokenizer

HERE = Path(__file__).parent
LLM = HERE / "../../../llm/test/vectors"
RANDOM_ROWS = 200
dice = random.Random(20261130)
SCRIPTS = [
    (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x30, 0x39), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x45F),
    (0x5D0, 0x5EA), (0x620, 0x64A), (0x905, 0x939), (0x3041, 0x30FE), (0x4E00, 0x4EFF), (0xAC00, 0xAC60), (0x1F300, 0x1F64F),
    (0x300, 0x315), (0x1100, 0x1112), (0x1161, 0x1175),
]  # fmt: skip
WORDS = "the a model answers words in of Which city is red blue 12 3.5 why? because, not: {x} (see) it's don't e\u0301t zzd [[".split()
SPECIAL_TEXTS = ["<s>", "</s>", "<|im_start|>user\n", "<|im_end|>", "[INST]", "{{ 1 }}", "{% if %}", "]]", "zz", "[[dummy_message]]", "<0x41>"]
SPACES = ["", " ", "  ", "\n", "\n\n", "\t", " \n ", "\u00a0", "\u3000"]

TEMPLATES = {
    name: (LLM / f"chat/{name}.jinja").read_text("utf-8") for name in ("chatml", "turns", "inst", "thinking")
} | {
    # As Llama 3 writes its own.
    "llama3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    # Refuses a conversation that does not begin with a system message; reads a property of a message besides.
    "needs-system": "{% if messages[0]['role'] != 'system' %}{{ raise_exception('a system message first') }}{% endif %}{{ bos_token }}{% for message in messages %}{{ '<' + message['role'] + (':' + message.name if message.name is defined else '') + '>' + message['content'] + eos_token + '\n' }}{% endfor %}",
    # Plain words, content glued to them; begins an answer whenever there is none, asked or not.
    "plain": "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + ' ' }}{% elif message['role'] == 'assistant' %}{{ 'ASSISTANT: ' + message['content'] + eos_token }}{% else %}{{ message['role'] | upper + ': ' + message['content'] + ' ' }}{% endif %}{% endfor %}{% if add_generation_prompt or messages[-1]['role'] != 'assistant' %}{{ 'ASSISTANT:' }}{% endif %}",
    "phi": "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}{{ eos_token }}",
}  # fmt: skip


def text(words):
    out = []
    for _ in range(dice.randint(1, words)):
        roll = dice.random()
        if roll < 0.75:
            out.append(dice.choice(WORDS))
        elif roll < 0.93:
            low, high = dice.choice(SCRIPTS)
            out.append("".join(chr(dice.randint(low, high)) for _ in range(dice.randint(1, 4))))
        else:
            out.append(dice.choice(SPECIAL_TEXTS))
    joined = dice.choice([" ", " ", " ", "\n", ""]).join(out)
    return dice.choice(["", "", "", *SPACES]) + joined + dice.choice(["", "", "", *SPACES])


def content():
    roll = dice.random()
    if roll < 0.04:
        return ""
    if roll < 0.08:
        return dice.choice(SPACES[1:])
    if roll < 0.12:
        return [{"type": "text", "text": text(4)}, {"type": "text", "text": text(4)}]
    return text(30 if roll > 0.95 else 8)


TOOL = {"type": "function", "function": {"name": "weather", "description": "of a place", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}


def conversation():
    messages = []
    if dice.random() < 0.4:
        messages.append({"role": "system", "content": content()})
    turns = dice.randint(1, 3)
    for _ in range(turns):
        messages.append({"role": dice.choice(["user", "user", "human"]), "content": content()})
        answer = {"role": dice.choice(["assistant", "assistant", "gpt"]), "content": content()}
        roll = dice.random()
        if roll < 0.08 and isinstance(answer["content"], str):
            answer["content"] = "<think>\n" + text(4) + "\n</think>\n\n" + answer["content"]
        elif roll < 0.14:
            answer["reasoning_content"] = text(4)
        elif roll < 0.2:
            answer["tool_calls"] = [{"type": "function", "function": {"name": "weather", "arguments": dice.choice([{"place": text(2)}, '{"place": "Z\u00fcrich"}', "{broken"])}}]
        if dice.random() < 0.1:
            answer["name"] = dice.choice(["ann", None])
        messages.append(answer)
        if dice.random() < 0.05:
            messages.append({"role": "tool", "content": text(3)})
    roll = dice.random()
    if roll < 0.06:
        messages.append({"role": "user", "content": content()})
    elif roll < 0.09:
        messages.append({"role": "critic", "content": content()})
    elif roll < 0.12:
        dice.shuffle(messages)
    elif roll < 0.15:
        messages[-1]["content"] = None
    row = {"messages": messages}
    if dice.random() < 0.05:
        row["tools"] = dice.choice([[TOOL], json.dumps([TOOL]), [], None])
    if dice.random() < 0.05:
        row["messages"] = json.dumps(messages, ensure_ascii=dice.random() < 0.5)
    return row


def say(role, words, **more):
    return {"role": role, "content": words, **more}


GOLDEN = [
    {"messages": [say("user", "Hi"), say("assistant", "Hello!")]},
    {"messages": [say("system", "Be brief."), say("user", "1+1?"), say("assistant", "2"), say("user", "2+2?"), say("assistant", "4")]},
    {"messages": [say("system", "S"), say("human", " padded \n"), say("gpt", "\n ok ")]},
    {"messages": [say("system", "S"), say("user", ""), say("assistant", "")]},
    {"messages": [say("system", "S"), say("user", "same"), say("assistant", "same"), say("user", "same"), say("assistant", "same")]},
    {"messages": [say("user", "only a question")]},
    {"messages": [say("assistant", "first"), say("user", "then")]},
    {"messages": [say("system", "S"), say("user", "e\u0301"), say("assistant", "\u0301e\u0301 \u1112\u1161\u11ab \U0001f469\u200d\U0001f467")]},
    {"messages": [say("system", "S"), say("user", "?"), say("assistant", "[[x]] zz zz", name="ann")]},
    {"messages": [say("user", "Weather?"), say("assistant", "", tool_calls=[{"type": "function", "function": {"name": "weather", "arguments": '{"place": "Bern"}'}}]), say("tool", "21", name="weather"), say("assistant", "21 degrees")], "tools": [TOOL]},
    {"messages": []},
    {"messages": [say("user", "a"), say("user", "b"), say("assistant", "c")]},
    {"messages": [{"role": "user", "content": "no answer", "weight": 0}, {"role": "assistant"}]},
]  # fmt: skip


def sharegpt(row):
    """The same conversation as ShareGPT has it."""
    if isinstance(row["messages"], str):
        row = {**row, "messages": json.loads(row["messages"])}
    names = {"user": "human", "assistant": "gpt"}
    turns = []
    for message in row["messages"]:
        rest = {key: value for key, value in message.items() if key not in ("role", "content")}
        turn = {"from": names.get(message["role"], message["role"]), "value": message.get("content"), **rest}
        turns.append(turn)
    return {"conversations": turns}


def runs_of(ids, labels):
    runs, masked = [0], True
    for token, label in zip(ids, labels, strict=True):
        assert label in (-100, token)
        if (label == -100) != masked:
            masked = not masked
            runs.append(0)
        runs[-1] += 1
    return runs


def run(strategy, row, length):
    try:
        # A batch of one, as `datasets.map(batched=True)` hands it over. A copy: the strategy parses JSON texts in place.
        result = strategy.tokenize_prompt({key: [value] for key, value in copy.deepcopy(row).items()})
        if not result:
            return None, None
        ids, labels = result["input_ids"][0], result["labels"][0]
    except Exception as error:  # whatever it is, Axolotl stops there
        return None, f"{type(error).__name__}: {error}"
    kept = filter_sequences_by_length({"input_ids": [ids, [0, 0]]}, sequence_len=length)[0] if ids else False
    return (list(ids), runs_of(ids, labels), bool(kept)), None


SHAREGPT = {"field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}}
# name, dataset entry, template, tokenizer, start and end token, sequence length, more
CASES = [
    ("chatml, Qwen", {}, "chatml", "qwen", "<|endoftext|>", "<|im_end|>", 96, {}),
    ("Llama 3", {}, "llama3", "llama3", "<|begin_of_text|>", "<|eot_id|>", 128, {}),
    ("Gemma: trims, end of turn is not the end token", {}, "turns", "gemma", "<bos>", "<eos>", 128, {}),
    ("Gemma with its end of turn", {}, "turns", "gemma", "<bos>", "<end_of_turn>", 128, {}),
    ("Gemma with its end of turn named", {"eot_tokens": ["<end_of_turn>", "<unk>", "<pad>"]}, "turns", "gemma", "<bos>", "<eos>", 128, {}),
    ("the last of two kinds of ends", {"eot_tokens": ["<|im_end|>"], "train_on_eos": "last"}, "chatml", "qwen", "<|endoftext|>", "<|endoftext|>", 96, {}),
    ("Mistral: alternates, space before the answer", {}, "inst", "mistral", "<s>", "</s>", 128, {}),
    ("Qwen3: thinking and tools", {}, "thinking", "qwen", "<|endoftext|>", "<|im_end|>", 256, {}),
    ("needs a system message", {}, "needs-system", "tinyllama", "<s>", "</s>", 128, {}),
    ("ShareGPT in plain words", SHAREGPT, "plain", "smollm2", "<|endoftext|>", "<|im_end|>", 128, {}),
    ("ShareGPT, all end tokens", {**SHAREGPT, "train_on_eos": "all"}, "plain", "tinyllama", "<s>", "</s>", 128, {}),
    ("the last end token, user too", {"roles_to_train": ["human", "assistant"], "train_on_eos": "last"}, "chatml", "smollm2", "<|endoftext|>", "<|im_end|>", 96, {}),
    ("no end token, own roles", {"roles": {"user": ["human", "user"], "critic": ["assistant"], "assistant": ["gpt", "critic"]}, "train_on_eos": "none"}, "chatml", "smollm2", "<|endoftext|>", "<|im_end|>", 96, {}),
    ("Phi 3: end of turn takes white space", {}, "phi", "phi3", "<s>", "<|end|>", 128, {}),
    ("trimmed offsets", {}, "plain", "smollm2", "<|endoftext|>", "<|im_end|>", 128, {"trimOffsets": True}),
    ("inputs too", {}, "chatml", "qwen", "<|endoftext|>", "<|im_end|>", 96, {"trainOnInputs": True}),
]  # fmt: skip


def tokenizer_of(family, template, bos, eos, trim):
    with tempfile.TemporaryDirectory() as folder:
        parts = json.loads((LLM / f"tokenizers/{family}.json").read_text("utf-8"))
        if trim:
            parts["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
        Path(folder, "tokenizer.json").write_text(json.dumps(parts), "utf-8")
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos, "chat_template": template}
        Path(folder, "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
        return AutoTokenizer.from_pretrained(folder)


def main():
    rows = GOLDEN + [conversation() for _ in range(RANDOM_ROWS)]
    row_sets = [rows, [sharegpt(row) for row in rows]]
    cases = []
    for name, kind, template, family, bos, eos, length, more in CASES:
        tokenizer = tokenizer_of(family, TEMPLATES[template], bos, eos, more.get("trimOffsets", False))
        cfg = DictDefault({"train_on_inputs": more.get("trainOnInputs", False), "sequence_len": length})
        # Beside the datasets in a config, part of the dataset type here.
        entry = {key: value for key, value in kind.items() if key != "eot_tokens"}
        if "eot_tokens" in kind:
            cfg["eot_tokens"] = kind["eot_tokens"]
        strategy = load("chat_template", tokenizer, cfg, DictDefault(entry))
        which = 1 if "field_messages" in kind else 0
        expected, golden, errors = [], [], {}
        for at, row in enumerate(row_sets[which]):
            result, error = run(strategy, row, length)
            if error:
                errors[error[:60]] = errors.get(error[:60], 0) + 1
            if at < len(GOLDEN):
                golden.append(result and result[0])
            digest = result and hashlib.sha256(",".join(map(str, result[0])).encode()).hexdigest()[:16]
            expected.append(result and [digest, result[1], result[2]])
        print(name, len(expected), "rows,", sum(1 for e in expected if e is None), "failed:", errors, file=sys.stderr)
        cases.append({"name": name, "type": {"type": "chat_template", **kind}, "template": template, "tokenizer": family, "bos": bos,
                      "eos": eos, **more, "sequenceLen": length, "rows": which, "golden": golden, "expected": expected})  # fmt: skip
    record = {"recordedWith": {"axolotl": "0.19.0"}, "templates": TEMPLATES, "rows": row_sets, "cases": cases}
    lines = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    (HERE / "axolotl-chat.json").write_text(lines + "\n", "utf-8")
    print(f"{len(lines.encode()):,} bytes, {len(cases)} cases")


main()
