#!/bin/bash
# docker/build-trainer-cpu.sh NAME [BASE]   the CPU trainer's image, from this checkout after `npm ci` (which builds it).
# BASE is an image with node on its PATH; default: the one named in docker/trainer-cpu/Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?"usage: docker/build-trainer-cpu.sh NAME [BASE]"}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# What the trainer needs at run time and nothing else: its closure of dependencies, without other platforms' binaries.
npm ls --omit=dev --workspace @tuning/training --all --parseable 2>/dev/null | sort -u | while read -r package; do
  relative=${package#"$PWD"}
  if [ -z "$relative" ] || [ ! -d "$package" ]; then continue; fi
  mkdir -p "$context/app$relative"
  # Our own sources are compiled; a dependency may well run from its src.
  unwanted=()
  if [[ $relative == /node_modules/@tuning/* ]]; then unwanted=(--exclude=./{src,test,scripts,bench,experiments}); fi
  tar -C "$(readlink -f "$package")" --exclude=./node_modules "${unwanted[@]}" \
    --exclude='./bin/*/win32' --exclude='./bin/*/darwin' --exclude='./bin/*/linux/arm64' -cf - . | tar -C "$context/app$relative" -xf -
done
cp docker/trainer-cpu/train "$context/app/train"
chmod 755 "$context/app/train"
docker build --quiet --network none ${2:+--build-arg "BASE=$2"} --tag "$name" --file docker/trainer-cpu/Dockerfile "$context"
