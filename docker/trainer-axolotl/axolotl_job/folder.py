"""Where the parts of a job lie."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class JobFolder:
    """`root` is the job folder; only `out` in it is written to."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yml"

    @property
    def base_model(self) -> Path:
        return self.root / "model"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def model(self) -> Path:
        """The result; there complete or not at all."""
        return self.out / "model"

    @property
    def curve(self) -> Path:
        return self.out / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Axolotl's output_dir: `checkpoint-N` folders, and at the end the model."""
        return self.out / "checkpoint"

    @property
    def work(self) -> Path:
        """Tokenised rows and caches. Not /tmp: that is a small tmpfs in a job's container."""
        return self.out / "work"

    @property
    def config(self) -> Path:
        """What Axolotl is given."""
        return self.work / "axolotl.yml"

    @property
    def training(self) -> Path:
        """There once steps are being made: from then on a stop waits for a checkpoint."""
        return self.work / "training"

    @property
    def stop(self) -> Path:
        """There once the job has been told to stop."""
        return self.work / "stop"

    @property
    def stopped(self) -> Path:
        """There once the checkpoint that a stop asked for is written."""
        return self.work / "stopped"
