#!/bin/bash
# docker/lay-out.sh FOLDER WORKSPACE   copies what a workspace needs at run time, and nothing else, to FOLDER/app, laid out as in
#                                      this checkout: its closure of dependencies, compiled, without other platforms' binaries,
#                                      type declarations and source maps.
# From the checkout after `npm ci` (which builds it). An image made from FOLDER holds what is named here: no secret that
# lies about, no tests, no development tools.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?"usage: docker/lay-out.sh FOLDER WORKSPACE"}
workspace=${2:?"usage: docker/lay-out.sh FOLDER WORKSPACE"}
mkdir -p "$folder/app/node_modules/@tuning"

npm ls --omit=dev --workspace "$workspace" --all --parseable 2>/dev/null | sort -u | while read -r package; do
  relative=${package#"$PWD"}
  if [ -z "$relative" ] || [ ! -d "$package" ]; then continue; fi
  # Our own sources are compiled; a dependency may well run from its src.
  unwanted=()
  if [[ $relative == /node_modules/@tuning/* ]]; then
    name=${relative##*/}
    ln -s "../../packages/$name" "$folder/app$relative"
    relative=/packages/$name
    unwanted=(--exclude=./{src,test,scripts,bench,experiments} --exclude='./*.tsbuildinfo')
  fi
  mkdir -p "$folder/app$relative"
  tar -C "$(readlink -f "$package")" --exclude=./node_modules "${unwanted[@]}" \
    --exclude='*.d.ts' --exclude='*.d.mts' --exclude='*.d.cts' --exclude='*.map' --exclude='*.md' \
    --exclude='./bin/*/win32' --exclude='./bin/*/darwin' --exclude='./bin/*/linux/arm64' -cf - . | tar -C "$folder/app$relative" -xf -
done
