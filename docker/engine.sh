#!/bin/bash
# A private Docker engine for tests, on a machine (CI, development container) that runs none. Needs root; Debian or Ubuntu.
#   docker/engine.sh start   installs docker.io and busybox-static where they are absent, starts the engine, prints "export DOCKER_HOST=…"
#   docker/engine.sh stop    ends it, its containers, mounts and cgroups, and deletes its folder
# TUNING_ENGINE_DIR (default /tmp/tuning-engine) is its folder; one per engine. Keep it short: containerd's socket lies in it,
# and the path of a unix socket has at most 107 bytes.
set -euo pipefail
dir=${TUNING_ENGINE_DIR:-/tmp/tuning-engine}
socket=$dir/docker.sock

# A zombie still answers kill -0, and where PID 1 reaps late it stays for seconds.
is_alive() { [ -r "/proc/$1/stat" ] && ! grep -q '^[0-9]* (.*) Z' "/proc/$1/stat"; }

install_engine() {
  if command -v dockerd >/dev/null && command -v busybox >/dev/null; then return; fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq -o DPkg::Lock::Timeout=120 update >&2
  apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends docker.io busybox-static >&2
}

start() {
  install_engine
  stop
  mkdir -p "$dir"
  # The host's network stays as it is: no bridge, no iptables rules, no forwarding.
  setsid dockerd --host "unix://$socket" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" \
    --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false >"$dir/dockerd.log" 2>&1 </dev/null &
  local pid=$!
  for _ in $(seq 300); do
    if curl -sf --max-time 2 --unix-socket "$socket" http://docker/_ping >/dev/null; then
      echo "export DOCKER_HOST=unix://$socket"
      return
    fi
    is_alive $pid || break
    sleep 0.1
  done
  echo "the Docker engine did not come up:" >&2
  tail -20 "$dir/dockerd.log" >&2
  exit 1
}

stop() {
  if [ -S "$socket" ]; then
    DOCKER_HOST=unix://$socket docker ps -aq 2>/dev/null | DOCKER_HOST=unix://$socket xargs -r docker rm -fv >/dev/null 2>&1 || true
  fi
  if [ -f "$dir/docker.pid" ]; then
    local pid
    pid=$(cat "$dir/docker.pid")
    if is_alive "$pid" && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "$dir/docker.pid"; then
      kill -TERM "$pid"
      for _ in $(seq 200); do is_alive "$pid" || break; sleep 0.1; done
    fi
  fi
  # Shims outlive a killed engine; ours have its folder in their command line.
  local shim
  for shim in $(pgrep -f "containerd-shim.*$dir/exec/" || true); do
    pkill -KILL -P "$shim" || true
    kill -KILL "$shim" 2>/dev/null || true
  done
  awk -v under="$dir/" 'index($2, under) == 1 { print $2 }' /proc/mounts | tac | while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  # The cgroups of its own containers; other engines of this machine have theirs beside them.
  local container
  for container in "$dir"/data/containers/*/; do
    if [ -d "$container" ]; then rmdir /sys/fs/cgroup/*/docker/"$(basename "$container")" 2>/dev/null || true; fi
  done
  rmdir /sys/fs/cgroup/*/docker 2>/dev/null || true
  rm -rf "$dir"
}

case ${1:-} in
  start | stop) "$1" ;;
  *)
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
    ;;
esac
