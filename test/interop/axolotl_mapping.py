"""What the Axolotl trainer's entry point makes of recipes: a JSON list of texts of recipe.yml on stdin to one of Axolotl configs.

    PYTHONPATH=docker/trainer-axolotl axolotl_mapping.py FOLDER     # a job folder; its recipe.yml is written
"""

import json
import sys
from pathlib import Path

import yaml
from axolotl_job.folder import JobFolder
from axolotl_job.recipe import axolotl_config, read_recipe

folder = JobFolder(Path(sys.argv[1]))
configs = []
for text in json.load(sys.stdin):
    folder.recipe.write_text(text, encoding="utf-8")
    configs.append(yaml.safe_dump(axolotl_config(read_recipe(folder), folder)))
print(json.dumps(configs))
