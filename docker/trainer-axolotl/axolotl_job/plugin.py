"""Axolotl's side of a job, in the training processes: the loss curve, checkpoints on request, an end before the deadline."""

import os
import time
from pathlib import Path

import torch.distributed as dist
from axolotl.integrations.base import BasePlugin
from transformers import TrainerCallback, set_seed

from .checkpoints import checkpoint_folder, mark_complete
from .curve import CurveLog, now_ms, point_of
from .folder import JobFolder

_PROGRESS_LINES = 200
_EXIT_STOPPED = 143
# For launch.py, which starts the processes that this module runs in.
ENV_FOLDER = "TUNING_JOB_DIR"
ENV_FINISH_BY = "TUNING_FINISH_BY_MS"


class JobPlugin(BasePlugin):
    def pre_model_load(self, cfg):
        # Axolotl seeds its rows only, and the trainer seeds itself when the adapter is there already, with a random start.
        if cfg.seed is not None:
            set_seed(cfg.seed)

    def add_callbacks_post_trainer(self, cfg, trainer):
        finish_by = os.environ.get(ENV_FINISH_BY)
        return [JobCallback(JobFolder(Path(os.environ[ENV_FOLDER])), float(finish_by) if finish_by else None)]


class JobCallback(TrainerCallback):
    """`finish_by` is a unix time in ms after which no further step begins."""

    def __init__(self, folder: JobFolder, finish_by: float | None):
        self._folder = folder
        self._finish_by = finish_by
        self._curve: CurveLog | None = None
        self._stopping = False

    def on_train_begin(self, args, state, control, **kwargs):
        if not state.is_world_process_zero:
            return
        self._curve = CurveLog(self._folder.curve, state.global_step, state.log_history)
        self._folder.training.touch()
        print(f"step {state.global_step}/{state.max_steps} begins", flush=True)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if self._curve is None or not logs:
            return
        point = point_of(logs, state.global_step, state.epoch, now_ms())
        if point is None or not self._curve.add(point):
            return
        step, total = point["step"], state.max_steps
        if step == 1 or step == total or step % max(1, total // _PROGRESS_LINES) == 0:
            print(f"step {step}/{total} loss {point['loss']:.4f} lr {point['lr']:.2e}", flush=True)

    def on_step_end(self, args, state, control, **kwargs):
        stop, finish = self._agreed(
            self._folder.stop.exists(), self._finish_by is not None and time.time() * 1000 >= self._finish_by
        )
        if stop:
            self._stopping = True
            control.should_save = True
        elif finish and state.global_step < state.max_steps:
            control.should_training_stop = True
            if state.is_world_process_zero:
                print(f"finished early, before the deadline: {state.global_step} of {state.max_steps} steps", flush=True)

    def on_save(self, args, state, control, **kwargs):
        # Until the first process has written the weights, nobody may take the checkpoint for complete, or leave.
        if _world() > 1:
            dist.barrier()
        if state.is_world_process_zero:
            mark_complete(checkpoint_folder(Path(args.output_dir), state.global_step))
            if self._stopping:
                self._folder.stopped.touch()
                print(f"stopped after step {state.global_step}; the checkpoint is written", flush=True)
        if self._stopping:
            if _world() > 1:
                dist.barrier()
            os._exit(_EXIT_STOPPED)

    def on_train_end(self, args, state, control, **kwargs):
        if self._curve is not None:
            self._curve.close()

    @staticmethod
    def _agreed(*flags: bool) -> list[bool]:
        """Whether any process has seen each: all must save or end after the same step, or they wait for each other forever."""
        if _world() == 1:
            return list(flags)
        import torch

        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        seen = torch.tensor([int(flag) for flag in flags], device=device)
        dist.all_reduce(seen, op=dist.ReduceOp.MAX)
        return [bool(flag) for flag in seen.tolist()]


def _world() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
