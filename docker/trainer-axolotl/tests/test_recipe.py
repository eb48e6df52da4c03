import tempfile
import unittest
from pathlib import Path

from axolotl_job.folder import JobFolder
from axolotl_job.recipe import PLUGIN, RefusedInput, axolotl_config

TUNING = {"datasetType": "alpaca", "baseRepo": "me/base", "baseRevision": "b" * 40}


class Recipe(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = JobFolder(Path(temporary.name).resolve())
        (self.folder.root / "data").mkdir()
        (self.folder.root / "data/train.jsonl").write_text("{}\n")

    def config(self, **more):
        datasets = [{"path": "./data/train.jsonl", "ds_type": "json", "type": {"field_instruction": "q"}}]
        return axolotl_config({"base_model": "./model", "datasets": datasets, "tuning": TUNING, **more}, self.folder)

    def test_points_axolotl_into_the_job_folder(self):
        config = self.config(learning_rate=0.001)
        root = self.folder.root
        self.assertEqual(config["base_model"], f"{root}/model")
        self.assertEqual(
            config["datasets"], [{"path": f"{root}/data/train.jsonl", "ds_type": "json", "type": {"field_instruction": "q"}}]
        )
        self.assertEqual(config["output_dir"], f"{root}/out/checkpoint")
        self.assertNotIn("resume_from_checkpoint", config)
        self.assertEqual(config["learning_rate"], 0.001)
        self.assertNotIn("tuning", config)

    def test_leaves_out_what_a_sealed_job_cannot_do(self):
        config = self.config(
            hub_model_id="me/x", wandb_project="p", use_wandb=True, resume_from_checkpoint="/etc", output_dir="/x", seed=3
        )
        for key in ("hub_model_id", "wandb_project", "use_wandb", "resume_from_checkpoint"):
            self.assertNotIn(key, config)
        self.assertEqual((config["seed"], config["output_dir"]), (3, f"{self.folder.root}/out/checkpoint"))

    def test_goes_on_from_a_checkpoint(self):
        recipe = {"datasets": [{"path": "data/train.jsonl"}], "tuning": TUNING}
        config = axolotl_config(recipe, self.folder, self.folder.checkpoints / "checkpoint-5")
        self.assertEqual(config["resume_from_checkpoint"], f"{self.folder.root}/out/checkpoint/checkpoint-5")

    def test_measures_every_step_whatever_the_recipe_says_and_keeps_its_plugins(self):
        config = self.config(logging_steps=50, plugins=["axolotl.integrations.liger.LigerPlugin"], save_total_limit=9)
        self.assertEqual(config["logging_steps"], 1)
        self.assertEqual(config["plugins"], ["axolotl.integrations.liger.LigerPlugin", PLUGIN])
        self.assertEqual(config["save_total_limit"], 9)

    def test_tells_a_format_that_the_recipe_leaves_open(self):
        (self.folder.root / "data/train.parquet").write_text("")
        config = self.config(datasets=[{"path": "data/train.parquet", "type": "completion"}])
        self.assertEqual(config["datasets"][0]["ds_type"], "parquet")

    def test_refuses_rows_elsewhere_or_none(self):
        for datasets in (None, [], [{}], [{"path": "../secret"}], [{"path": "/etc/passwd"}], [{"path": "data/absent"}]):
            with self.subTest(datasets), self.assertRaises(RefusedInput):
                self.config(datasets=datasets)


if __name__ == "__main__":
    unittest.main()
