"""Lets Axolotl judge the config and tokenise the rows, before anything is trained: `python -m axolotl_job.prepare FILE`.

Exit codes: 0 the rows lie in dataset_prepared_path, where training finds them; 2 Axolotl refuses the input, with its
words as the last line of stderr; anything else is a crash.
"""

import sys

EXIT_REFUSED = 2
# What Axolotl raises for a bad key or value (pydantic's ValidationError is a ValueError), a missing column, a file that is
# no table. Memory, disk and GPU faults are others.
_REFUSALS = (ValueError, KeyError, TypeError, AssertionError)


def main(config: str) -> int:
    from axolotl.cli.args import TrainerCliArgs
    from axolotl.cli.config import load_cfg
    from axolotl.common.datasets import load_datasets
    from datasets.exceptions import DatasetGenerationError

    try:
        cfg = load_cfg(config)
        rows = load_datasets(cfg=cfg, cli_args=TrainerCliArgs()).train_dataset
    except (*_REFUSALS, DatasetGenerationError) as error:
        print(f"Axolotl refuses the job: {one_line(error)}", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    if len(rows) == 0:
        print("Axolotl refuses the job: no row is left to train on", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    print(f"{len(rows)} rows", flush=True)
    return 0


def one_line(error: BaseException) -> str:
    """`Name: message`, with what caused it where the message alone says little."""
    words = [f"{type(error).__name__}: {error}"]
    cause = error.__cause__
    if cause is not None:
        words.append(f"from {type(cause).__name__}: {cause}")
    return " ".join(" ".join(words).split())[:2000]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
