#!/bin/bash
# docker/build-trainer-cpu.sh NAME [BASE]   the CPU trainer's image, from this checkout after `npm ci` (which builds it).
# BASE is an image with node on its PATH; default: the one named in docker/trainer-cpu/Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?"usage: docker/build-trainer-cpu.sh NAME [BASE]"}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

docker/lay-out.sh "$context" @tuning/training
install -m 755 docker/trainer-cpu/train "$context/app/train"
docker build --quiet --network none ${2:+--build-arg "BASE=$2"} --tag "$name" --file docker/trainer-cpu/Dockerfile "$context"
