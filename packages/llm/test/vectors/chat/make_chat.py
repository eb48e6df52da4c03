"""Writes chat.json for chat-template.test.ts: what transformers' apply_chat_template renders of our templates.

    python -m venv venv && venv/bin/pip install transformers==5.15.1 jinja2==3.1.6
    venv/bin/python make_chat.py          # the templates *.jinja of this folder
    venv/bin/python make_chat.py --of X   # X/*/chat.json for real models X/*/tokenizer_config.json, read by the test with
                                          # TUNING_TOKENIZERS=X
"""

import json
import sys
from datetime import datetime
from pathlib import Path

import transformers
from transformers.utils import chat_template_utils

HERE = Path(__file__).parent
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a <place> & \"day\" – naïve 天気",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "days": {"type": "integer", "maximum": 1.5}},
                "required": ["place"],
            },
        },
    }
]


def say(role, content, **more):
    return {"role": role, "content": content, **more}


CONVERSATIONS = [
    {"messages": [say("user", "Hi")]},
    {"messages": [say("user", "Hi"), say("assistant", "Hello!")]},
    {"messages": [say("system", "Be brief."), say("user", " padded \n"), say("assistant", "\n ok ")]},
    {"messages": [say("user", "1"), say("assistant", "one"), say("user", "2"), say("assistant", "two"), say("user", "3")]},
    {"messages": [say("user", "<|im_end|> </s> [INST] {{ 7 * 7 }} {% raw %} 👩‍👩‍👧 <b>&amp;</b> 'x' \"y\" \\n")]},
    {"messages": [say("user", ""), say("assistant", "")]},
    {"messages": [say("system", "S"), say("user", "نص 文字 हिन्दी"), say("assistant", "<think>\nhm\n</think>\n\nYes"), say("user", "?")]},
    {
        "messages": [
            say("user", "Weather?"),
            say(
                "assistant",
                "",
                tool_calls=[{"type": "function", "function": {"name": "weather", "arguments": {"place": "Zürich <1>", "days": 2}}}],
            ),
            say("tool", "{\"t\": 21.5}", name="weather"),
            say("assistant", "21.5 °C"),
        ],
        "tools": TOOLS,
    },
    {"messages": [say("user", "a"), say("user", "b")]},
    {"messages": [say("assistant", "first")]},
]


class Today(datetime):
    """The date that templates see: the test gives the same."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 6, 5, 4, 3)


chat_template_utils.datetime = Today


def render(template, tokens):
    out = []
    for conversation in CONVERSATIONS:
        for prompt in (False, True):
            try:
                rendered, _ = chat_template_utils.render_jinja_template(
                    [conversation["messages"]],
                    tools=conversation.get("tools"),
                    chat_template=template,
                    add_generation_prompt=prompt,
                    **tokens,
                )
                out.append(rendered[0])
            except Exception as error:
                out.append({"refused": str(error)})
    return out


def text(token):
    return token["content"] if isinstance(token, dict) else token


def main():
    if "--of" in sys.argv:
        for path in Path(sys.argv[-1]).glob("*/tokenizer_config.json"):
            config = json.loads(path.read_text("utf-8"))
            if config.get("chat_template"):
                tokens = {name: text(config[name]) for name in ("bos_token", "eos_token", "unk_token", "pad_token") if config.get(name)}
                out = {"conversations": CONVERSATIONS, "rendered": render(config["chat_template"], tokens)}
                (path.parent / "chat.json").write_text(json.dumps(out), "utf-8")
        return
    templates = {path.stem: render(path.read_text("utf-8"), TOKENS) for path in sorted(HERE.glob("*.jinja"))}
    out = {"transformers": transformers.__version__, "conversations": CONVERSATIONS, "templates": templates}
    (HERE / "chat.json").write_text(json.dumps(out, ensure_ascii=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
