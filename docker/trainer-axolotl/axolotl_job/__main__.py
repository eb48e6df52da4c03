"""A training image's one command (docker/README.md): trains the job in TUNING_JOB_DIR, default /job.

Exit codes: 0 done; 2 the input is refused, with one line on stderr; 143 stopped, the checkpoint is written; 1 a crash.
"""

import os
import shutil
import sys
from pathlib import Path

from .checkpoints import drop_incomplete, last_checkpoint
from .folder import JobFolder
from .launch import EXIT_STOPPED, Processes, environment, prepare_command, train_command
from .prepare import EXIT_REFUSED
from .recipe import RefusedInput, axolotl_config, read_recipe
from .result import NoResult, collect


def main() -> int:
    folder = JobFolder(Path(os.environ.get("TUNING_JOB_DIR", "/job")))
    if folder.model.exists():
        print("the model is there already")
        return 0
    recipe = read_recipe(folder)
    _fresh(folder)
    for name in drop_incomplete(folder.checkpoints):
        print(f"{name} is half written: going on from the one before")
    _write(axolotl_config(recipe, folder, last_checkpoint(folder.checkpoints)), folder.config)

    processes = Processes(folder, environment(folder, recipe["tuning"].get("finishBy")))
    for command in (prepare_command(folder), train_command(folder)):
        code = processes.run(command)
        if code != 0:
            # A trainer's own 2 says nothing about the input: that was judged before.
            return code if code == EXIT_STOPPED or (code == EXIT_REFUSED and command[2] == "axolotl_job.prepare") else 1
    files = collect(folder, recipe["tuning"])
    print(f"done: {', '.join(files)}")
    shutil.rmtree(folder.checkpoints, ignore_errors=True)
    shutil.rmtree(folder.work, ignore_errors=True)
    return 0


def _fresh(folder: JobFolder) -> None:
    """Forgets what an earlier try was told; what it has tokenised is used again."""
    folder.work.mkdir(parents=True, exist_ok=True)
    for mark in (folder.stop, folder.stopped, folder.training):
        mark.unlink(missing_ok=True)


def _write(config: dict, file: Path) -> None:
    import yaml

    file.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RefusedInput as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_REFUSED)
    except NoResult as error:
        print(error, file=sys.stderr)
        sys.exit(1)
