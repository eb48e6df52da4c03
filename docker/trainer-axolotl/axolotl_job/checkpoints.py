"""Checkpoints that can be gone on from: a run that was killed while it wrote one leaves half of it."""

import os
import re
import shutil
from pathlib import Path

_COMPLETE = "complete"
_NAME = re.compile(r"^checkpoint-\d{1,12}$")


def checkpoint_folder(folder: Path, step: int) -> Path:
    return folder / f"checkpoint-{step}"


def mark_complete(checkpoint: Path) -> None:
    """To be called once everything in it is written."""
    with open(checkpoint / _COMPLETE, "w", encoding="utf-8") as file:
        os.fsync(file.fileno())


def drop_incomplete(folder: Path) -> list[str]:
    """Deletes the half-written ones under `folder`. @returns their names"""
    if not folder.is_dir():
        return []
    halves = [entry for entry in folder.iterdir() if _NAME.match(entry.name) and not (entry / _COMPLETE).exists()]
    for half in halves:
        shutil.rmtree(half)
    return sorted(half.name for half in halves)


def last_checkpoint(folder: Path) -> Path | None:
    """The one to go on from, once the half-written ones are dropped."""
    if not folder.is_dir():
        return None
    found = [entry for entry in folder.iterdir() if _NAME.match(entry.name)]
    return max(found, key=lambda entry: int(entry.name.split("-")[1]), default=None)
