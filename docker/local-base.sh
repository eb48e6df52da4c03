#!/bin/bash
# docker/local-base.sh NAME   a base image without any registry: this machine's node with its libraries, busybox, a user's
#                             and a group's file. For tests; images for use are built from node's official one.
# The machine's own C library goes in, so whatever native add-on runs here runs there.
set -euo pipefail
name=${1:?"usage: docker/local-base.sh NAME"}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,usr/bin,lib64,etc,proc,sys,dev,tmp,job}
chmod 755 "$root"
chmod 1777 "$root/tmp"

with_libraries() {
  ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    if [ ! -e "$root$library" ]; then install -D "$(readlink -f "$library")" "$root$library"; fi
  done
}

node=$(readlink -f "$(command -v node)")
install "$node" "$root/usr/bin/node"
with_libraries "$node"
# What the native add-ons of trainer and daemons ask for beside that.
for addon in $(find -L node_modules/onnxruntime-node/bin node_modules/@libsql/linux-x64-gnu \
  \( -path '*linux/x64*' -o -path '*linux-x64-gnu*' \) \( -name '*.node' -o -name '*.so*' \)); do
  ldd "$addon" 2>/dev/null | grep -o '=> /[^ ]*' | cut -c4- | grep -v node_modules | while read -r library; do
    if [ ! -e "$root$library" ]; then install -D "$(readlink -f "$library")" "$root$library"; fi
  done
done
install "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list); do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
tar -C "$root" --numeric-owner --owner=0 --group=0 -c . | docker import -c 'ENV PATH=/usr/bin:/bin' -c 'CMD ["node"]' - "$name"
