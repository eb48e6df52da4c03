"""recipe.yml to Axolotl's config: what stays, what follows from the job folder, what a sealed job cannot do."""

import re
from pathlib import Path

from .folder import JobFolder


class RefusedInput(Exception):
    """The job's input is bad: no further try can help. Its text is the one line that the operator reads."""


# Reports and uploads: a job has no network and no token. The daemon publishes the model.
_REPORTS = re.compile(r"^(hub_|push_|wandb_|use_wandb|mlflow_|use_mlflow|comet_|use_comet|trackio_|use_trackio)")
# Places and resumption are this job's own.
_OWN = {
    "tuning", "resume_from_checkpoint", "auto_resume_from_checkpoints", "dataset_prepared_path", "output_dir", "base_model_config",
}  # fmt: skip
PLUGIN = "axolotl_job.plugin.JobPlugin"


def read_recipe(folder: JobFolder) -> dict:
    """@raises RefusedInput where recipe.yml is absent or is no mapping with our section `tuning`."""
    from .yaml12 import load

    try:
        recipe = load(folder.recipe.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise RefusedInput(f"recipe.yml cannot be read: {error}") from error
    if not isinstance(recipe, dict) or not isinstance(recipe.get("tuning"), dict):
        raise RefusedInput("recipe.yml: the section tuning is missing")
    return recipe


def axolotl_config(recipe: dict, folder: JobFolder, checkpoint: Path | None = None) -> dict:
    """The config for `axolotl.cli.train`, with absolute paths, to go on from `checkpoint`.

    @raises RefusedInput for rows outside the job folder or none at all.
    """
    config = {key: value for key, value in recipe.items() if key not in _OWN and not _REPORTS.match(key)}
    return {
        "save_total_limit": 2,
        **config,
        "base_model": str(folder.base_model),
        "datasets": [_dataset(entry, folder) for entry in _entries(recipe)],
        "output_dir": str(folder.checkpoints),
        "dataset_prepared_path": str(folder.work / "prepared"),
        # By name: where Axolotl looks for it by itself, its count of trained labels starts again at 0.
        **({"resume_from_checkpoint": str(checkpoint)} if checkpoint else {}),
        # The loss curve needs every step, and how many labels were trained on.
        "logging_steps": 1,
        "include_tkps": True,
        "plugins": [*(recipe.get("plugins") or []), PLUGIN],
    }


def _entries(recipe: dict) -> list:
    entries = recipe.get("datasets")
    if not isinstance(entries, list) or not entries:
        raise RefusedInput("recipe.yml: datasets is missing")
    return entries


def _dataset(entry: dict, folder: JobFolder) -> dict:
    path = entry.get("path") if isinstance(entry, dict) else None
    if not isinstance(path, str):
        raise RefusedInput("recipe.yml: an entry of datasets has no path")
    root = folder.root.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise RefusedInput(f"recipe.yml: the dataset {path} is no file in the job folder")
    return {**entry, "path": str(file), "ds_type": entry.get("ds_type") or _format_of(file)}


def _format_of(file: Path) -> str:
    """Axolotl's `ds_type`, which is the name of a builder of Hugging Face datasets."""
    return {".jsonl": "json", ".parquet": "parquet", ".csv": "csv"}.get(file.suffix, "json")
