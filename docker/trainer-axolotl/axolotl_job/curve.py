"""out/log.jsonl: one point of the loss curve per step, from what Hugging Face's trainer logs."""

import json
import math
import os
import time
from pathlib import Path


def point_of(logs: dict, step: int, epoch: float | None, ts: int) -> dict | None:
    """A step's point; None for logs of something else (an evaluation, the summary at the end) or a loss that is no number.

    `tokens` counts the labels trained on so far, as Axolotl counts them with `include_tkps`.
    """
    loss = _number(logs.get("loss"))
    if loss is None:
        return None
    return {
        "step": step,
        "epoch": max(0.0, _number(logs.get("epoch")) or _number(epoch) or 0.0),
        "loss": loss,
        "lr": max(0.0, _number(logs.get("learning_rate")) or 0.0),
        "tokens": int(_number(logs.get("tokens/trainable")) or 0),
        "ts": ts,
    }


def points_of_history(history: list[dict], ts: int) -> list[dict]:
    """The points in `log_history` of a trainer_state.json, which has no times: all get `ts`."""
    points = (point_of(logs, logs["step"], None, ts) for logs in history if isinstance(logs.get("step"), int))
    return [point for point in points if point is not None]


def _number(value) -> float | None:
    """Numbers, and texts of numbers: some versions format what they log."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


class CurveLog:
    """Appends points to a file. A step comes once, whatever was killed and taken up again in between."""

    def __init__(self, file: Path, start: int = 0, history: list[dict] | None = None):
        """Goes on after step `start`: later points of a run that was killed are cut, earlier ones that are missing are
        taken from the checkpoint's `history`."""
        known = {point["step"]: point for point in points_of_history(history or [], now_ms())}
        known |= {point["step"]: point for point in _read(file)}
        kept = [known[step] for step in sorted(known) if step <= start]
        partial = file.with_name(file.name + ".partial")
        partial.write_text("".join(_line(point) for point in kept), encoding="utf-8")
        os.replace(partial, file)
        self._last = kept[-1]["step"] if kept else -1
        self._file = open(file, "a", buffering=1, encoding="utf-8")  # noqa: SIM115

    def add(self, point: dict) -> bool:
        """False for a step that is there already."""
        if point["step"] <= self._last:
            return False
        self._last = point["step"]
        self._file.write(_line(point))
        return True

    def close(self) -> None:
        self._file.close()


def now_ms() -> int:
    return int(time.time() * 1000)


def _line(point: dict) -> str:
    return json.dumps(point, separators=(",", ":")) + "\n"


def _read(file: Path) -> list[dict]:
    """The points of a log; the last line of a killed run may be half written."""
    points = []
    if not file.exists():
        return points
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            point = json.loads(line)
        except ValueError:
            continue
        if isinstance(point, dict) and isinstance(point.get("step"), int):
            points.append(point)
    return points
