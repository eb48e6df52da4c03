"""A training job (docker/README.md: the contract of a training image) done by Axolotl."""
