"""The processes of a job: what they see, how they are told to stop, what their end means."""

import os
import signal
import subprocess
import sys
import time

from .folder import JobFolder

EXIT_STOPPED = 143
_POLL_SECONDS = 0.1
# From SIGTERM to SIGKILL for what has nothing to save.
_KILL_AFTER_SECONDS = 2.0


def environment(folder: JobFolder, finish_by: float | None) -> dict[str, str]:
    """This process's, and: no network, no reports, caches in the job's own folder."""
    caches = {
        "HF_HOME": "huggingface", "TRITON_CACHE_DIR": "triton", "TORCHINDUCTOR_CACHE_DIR": "inductor",
        "XDG_CACHE_HOME": "cache", "NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib",
    }  # fmt: skip
    fixed = {
        "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "WANDB_MODE": "disabled",
        "AXOLOTL_DO_NOT_TRACK": "1", "DO_NOT_TRACK": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false",
        "TUNING_JOB_DIR": str(folder.root),
        # A container's user need not have a name, which some libraries ask for.
        "USER": "trainer", "LOGNAME": "trainer",
    }  # fmt: skip
    env = {**os.environ, **fixed, **{name: str(folder.work / part) for name, part in caches.items()}}
    if finish_by is not None:
        env["TUNING_FINISH_BY_MS"] = str(finish_by)
    return env


class Processes:
    """Runs the job's processes one after the other, each with its children in a group of its own."""

    def __init__(self, folder: JobFolder, env: dict[str, str]):
        self._folder = folder
        self._env = env
        self._told = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def _tell(self, _number, _frame) -> None:
        self._told = True

    @property
    def told_to_stop(self) -> bool:
        return self._told

    def run(self, command: list[str]) -> int:
        """Its exit code; EXIT_STOPPED where the job was told to stop before the command had ended.

        While steps are made a stop is a request that the callback answers with a checkpoint; else the command is ended.
        """
        if self._told:
            return EXIT_STOPPED
        child = subprocess.Popen(command, env=self._env, start_new_session=True)
        asked = False
        while child.poll() is None:
            if self._told and not asked:
                asked = True
                self._folder.stop.touch()
                if not self._folder.training.exists():
                    _end_group(child)
            time.sleep(_POLL_SECONDS)
        # Whatever it started ends with it.
        _signal_group(child.pid, signal.SIGKILL)
        if self._folder.stopped.exists() or (self._told and child.returncode != 0):
            return EXIT_STOPPED
        return child.returncode


def prepare_command(folder: JobFolder) -> list[str]:
    return [sys.executable, "-m", "axolotl_job.prepare", str(folder.config)]


def train_command(folder: JobFolder) -> list[str]:
    """On all GPUs that the container sees; `accelerate launch` counts them."""
    return [sys.executable, "-m", "accelerate.commands.launch", "-m", "axolotl.cli.train", str(folder.config)]


def _end_group(child: subprocess.Popen) -> None:
    _signal_group(child.pid, signal.SIGTERM)
    try:
        child.wait(_KILL_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(child.pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass
