#!/bin/sh
# A local subnet for compose.yaml: wallets without passwords, a subnet whose first validator is alice, TAO for bob. Again does nothing.
set -eu
tuning() { node /app/packages/cli/bin/tuning.js "$@"; }

tries=60
until [ -s /secrets/bob ] && tuning metagraph --netuid 0 --network local >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ $tries -eq 0 ]; then
    echo "chain (ws://127.0.0.1:9944) or hub does not come up" >&2
    tuning metagraph --netuid 0 --network local
    exit 1
  fi
  sleep 1
done
for name in alice bob; do
  [ -e "/wallets/$name" ] || tuning wallet create --wallet.name "$name" --wallet.path /wallets --no-password
done
if tuning metagraph --netuid "$NETUID" --network local >/dev/null 2>&1; then
  echo "subnet $NETUID is there"
  exit 0
fi
tuning subnet create --wallet.name alice --wallet.path /wallets
tuning subnet fund --wallet.name bob --wallet.path /wallets
