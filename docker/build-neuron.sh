#!/bin/bash
# docker/build-neuron.sh miner|validator|tuning NAME [BASE]   a daemon's or the command line's image, from this checkout after
#                                                             `npm ci` (which builds it).
# BASE is an image with node on its PATH; default: the one named in docker/neuron/Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."
usage="usage: docker/build-neuron.sh miner|validator|tuning NAME [BASE]"
target=${1:?"$usage"}
name=${2:?"$usage"}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

docker/lay-out.sh "$context" @tuning/cli
mkdir "$context/app/configs"
cp -r neurons "$context/app/neurons"
cp configs/*.yml configs/*.yaml "$context/app/configs/"
cp -r configs/demo "$context/app/configs/demo"
cp package.json LICENSE docker/neuron/healthy.mjs "$context/app/"
docker build --quiet --network none --target "$target" ${3:+--build-arg "BASE=$3"} --tag "$name" --file docker/neuron/Dockerfile "$context"
