"""Axolotl's own judgement of recipes, for axolotl-config.test.ts.

    axolotl-config.py keys          # prints {"version", "keys"}: every key of Axolotl's config schema
    axolotl-config.py validate      # reads recipes from stdin, a JSON list of YAML texts; prints a list of null or error

Needs an environment with axolotl and what its config imports (../../../dataset/test/vectors/record-axolotl-tokens.py
says which). Validation runs as on one H100; nothing is loaded or trained.
"""

import json
import sys
from importlib.metadata import version

import yaml
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlConfigWCapabilities

GPU = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90"}


def keys():
    found = set()
    for name, field in AxolotlConfigWCapabilities.model_fields.items():
        found.add(field.alias or name)
    # What the capabilities of a machine are called is not the operator's to write.
    return sorted(found - {"capabilities", "env_capabilities"})


def problem(text):
    # The section of our own is taken out, as the job's entry point does.
    recipe = {key: value for key, value in yaml.safe_load(text).items() if key != "tuning"}
    try:
        validate_config(DictDefault(recipe), capabilities=GPU, env_capabilities={"torch_version": "2.11.0"})
    except Exception as error:  # whatever it says is the answer
        return f"{type(error).__name__}: {error}"
    return None


out = sys.stdout
sys.stdout = sys.stderr
if sys.argv[1] == "keys":
    result = {"version": version("axolotl"), "keys": keys()}
else:
    result = [problem(text) for text in json.load(sys.stdin)]
out.write(json.dumps(result) + "\n")
