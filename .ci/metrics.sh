#!/usr/bin/env bash
# Checks what a running server gives to Prometheus with Prometheus' own tool. Needs node_modules.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bounded 900 "$@"

server=
work=$(mktemp -d)
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  [ -z "$server" ] || wait "$server" 2>/dev/null
  rm -rf "$work"
}

step 'get promtool'
promtool=$(bash "$root/.ci/promtool.sh" 2>/dev/null | tail -1)

step 'start a server and ask it something'
cd "$root"
node bin/cutover.js serve models --port 0 --grpc-port -1 --host 127.0.0.1 --engines 1 --cache-dir "$work" \
  --shutdown-grace-ms 0 >"$work/log" 2>&1 &
server=$!
port=
for _ in $(seq 300); do
  port=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' "$work/log" | head -1)
  [ -n "$port" ] && curl -sf "http://127.0.0.1:$port/healthz/ready" >/dev/null && break
  kill -0 "$server"
  sleep 0.1
done
curl -sf -F image=@test/fixtures/images/photos/coffee.png "http://127.0.0.1:$port/predict" >/dev/null
curl -s -X POST "http://127.0.0.1:$port/predict" >/dev/null

step 'promtool check metrics'
curl -sf "http://127.0.0.1:$port/metrics" | "$promtool" check metrics
