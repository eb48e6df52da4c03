"""Out of Axolotl's output folder into out/model: what a validator takes, and nothing else."""

import json
import os
import re
import shutil
from pathlib import Path

from .folder import JobFolder

# The base's own: a submission must not change them, and some versions rewrite them when they save.
_TOKENIZER = [
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "chat_template.jinja", "chat_template.json",
]  # fmt: skip
_CONFIG = ["config.json", "generation_config.json"]
_FULL = re.compile(r"^model(-\d{5}-of-\d{5})?\.safetensors$")
_INDEX = "model.safetensors.index.json"
_ADAPTER = "adapter_model.safetensors"
_ADAPTER_CONFIG = "adapter_config.json"


class NoResult(Exception):
    """Axolotl ended well and left no model."""


def collect(folder: JobFolder, tuning: dict) -> list[str]:
    """Moves the weights into out/model, with the base's config and tokenizer files; all at once.

    An adapter stays an adapter, and names the task's base and its revision instead of a path in a container.
    @returns the names of the files
    """
    partial = folder.out / "model.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    adapter = folder.checkpoints / _ADAPTER_CONFIG
    if adapter.exists():
        _move([folder.checkpoints / _ADAPTER], partial)
        config = json.loads(adapter.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = tuning["baseRepo"]
        config["revision"] = tuning["baseRevision"]
        (partial / _ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    else:
        weights = [entry for entry in sorted(folder.checkpoints.iterdir()) if _FULL.match(entry.name)]
        index = folder.checkpoints / _INDEX
        _move([*weights, *([index] if index.exists() else [])], partial)
        _copy(_CONFIG, folder.base_model, partial)
    _copy(_TOKENIZER, folder.base_model, partial)
    os.replace(partial, folder.model)
    return sorted(entry.name for entry in folder.model.iterdir())


def _move(files: list[Path], to: Path) -> None:
    if not files or not all(file.exists() for file in files):
        raise NoResult("Axolotl ended without an error but left no weights")
    for file in files:
        os.replace(file, to / file.name)


def _copy(names: list[str], source: Path, to: Path) -> None:
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, to / name)
