import json
import tempfile
import unittest
from pathlib import Path

from axolotl_job.checkpoints import drop_incomplete, last_checkpoint, mark_complete
from axolotl_job.folder import JobFolder
from axolotl_job.result import NoResult, collect

TUNING = {"baseRepo": "me/base", "baseRevision": "b" * 40}


class Result(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = JobFolder(Path(temporary.name))
        for name in ("config.json", "tokenizer.json", "model.safetensors", "modeling_evil.py"):
            self.write(self.folder.base_model / name, f"base {name}")
        for name in ("config.json", "tokenizer.json", "training_args.bin", "optimizer.pt", "README.md", "debug.log"):
            self.write(self.folder.checkpoints / name, f"saved {name}")

    def write(self, file, text):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def test_an_adapter_names_its_base(self):
        config = {"r": 8, "base_model_name_or_path": "/job/model", "revision": None}
        self.write(self.folder.checkpoints / "adapter_config.json", json.dumps(config))
        self.write(self.folder.checkpoints / "adapter_model.safetensors", "weights")
        self.assertEqual(
            collect(self.folder, TUNING), ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"]
        )
        saved = json.loads((self.folder.model / "adapter_config.json").read_text())
        self.assertEqual(saved, {"r": 8, "base_model_name_or_path": "me/base", "revision": "b" * 40})

    def test_a_full_model_in_shards_has_the_bases_own_config_and_tokenizer(self):
        for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"):
            self.write(self.folder.checkpoints / name, name)
        self.assertEqual(
            collect(self.folder, TUNING),
            [
                "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "model.safetensors.index.json", "tokenizer.json",
            ],
        )  # fmt: skip
        self.assertEqual((self.folder.model / "config.json").read_text(), "base config.json")
        self.assertEqual((self.folder.model / "tokenizer.json").read_text(), "base tokenizer.json")

    def test_nothing_is_no_result(self):
        with self.assertRaises(NoResult):
            collect(self.folder, TUNING)
        self.assertFalse(self.folder.model.exists())


class Checkpoints(unittest.TestCase):
    def test_half_written_ones_are_dropped(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for step in (5, 10, 15):
                (folder / f"checkpoint-{step}").mkdir()
            (folder / "adapter_config.json").touch()
            mark_complete(folder / "checkpoint-5")
            mark_complete(folder / "checkpoint-10")
            self.assertEqual(drop_incomplete(folder), ["checkpoint-15"])
            self.assertEqual(last_checkpoint(folder), folder / "checkpoint-10")
            self.assertEqual(sorted(e.name for e in folder.iterdir()), ["adapter_config.json", "checkpoint-10", "checkpoint-5"])
            self.assertEqual(drop_incomplete(folder / "absent"), [])
            self.assertIsNone(last_checkpoint(folder / "absent"))


if __name__ == "__main__":
    unittest.main()
