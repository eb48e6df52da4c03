"""YAML 1.2 for reading: recipes are written by a YAML 1.2 library, PyYAML alone reads 1.1.

By 1.1 a column named `no` is false, a prompt `12:30:00` the number 45000, and 1e-7 a text.
Core schema: https://yaml.org/spec/1.2.2/#103-core-schema
"""

import re

import yaml


class _CoreLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict = {}

    def compose_node(self, parent, index):
        # A few lines of aliases can stand for gigabytes.
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not taken")
        return super().compose_node(parent, index)


for _tag, _pattern, _first in [
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789"),
]:  # fmt: skip
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _integer(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _integer)


def load(text: str):
    """@raises ValueError for text that is no YAML."""
    try:
        return yaml.load(text, Loader=_CoreLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from error
