#!/usr/bin/env bash
# Asks running servers what clients ask that others wrote: Triton's own Python client, over HTTP and
# gRPC, TensorFlow Serving's calls by `requests`, and whatever schemathesis makes of the servers' own
# description. Needs node_modules; fetches the clients, once per version, and fails where it cannot.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bounded 1800 "$@"

clients=$root/test/clients
servers=()
work=$(mktemp -d)
cleanup() {
  for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
  for server in "${servers[@]}"; do wait "$server" 2>/dev/null || true; done
  rm -rf "$work"
}

# start NAME REGISTRY: a server, whose ports are in $http_port, $grpc_port and $admin_port once it is
# ready.
start() {
  node bin/cutover.js serve "$2" --host 127.0.0.1 --port 0 --grpc-port 0 --admin-port 0 \
    --engines 1 --versions-loaded-max 3 --rollout-strategy immediate --shutdown-grace-ms 0 \
    --cache-dir "$work/$1" >"$work/$1.log" 2>&1 &
  servers+=($!)
  for _ in $(seq 600); do
    http_port=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' "$work/$1.log" | head -1)
    admin_port=$(sed -n 's/.*"adminPort":\([0-9]*\).*/\1/p' "$work/$1.log" | head -1)
    grpc_port=$(sed -n 's/.*"grpcPort":\([0-9]*\).*/\1/p' "$work/$1.log" | head -1)
    if [ -n "$http_port" ] && curl -sf "http://127.0.0.1:$http_port/healthz/ready" >/dev/null; then
      return
    fi
    kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/$1.log" >&2
  return 1
}

step 'get the clients'
packages curl
python_packages clients "$clients/requirements.txt"

cd "$root"
step "Triton's client"
start v2 test/fixtures/v2/models
CUTOVER_HTTP=127.0.0.1:$http_port CUTOVER_GRPC=127.0.0.1:$grpc_port \
  timeout 300 "$venv/bin/python" -B "$clients/triton_test.py"

step "TensorFlow Serving's calls"
node scripts/setup-tensorflow.mjs >&2
start half-plus-two test/fixtures/tensorflow-serving/half_plus_two
CUTOVER_TENSORFLOW_SERVING=127.0.0.1:$http_port \
  timeout 300 "$venv/bin/python" -B "$clients/tensorflow_serving_test.py"

step "the servers' own description"
python_packages schemathesis "$clients/schemathesis.txt"
start described test/fixtures/v2/models
for port in "$http_port" "$admin_port"; do
  # Out of the tree: it leaves a folder where it runs.
  (cd "$work" && timeout 600 "$venv/bin/st" --config-file "$clients/schemathesis.toml" \
    run "http://127.0.0.1:$port/openapi.json" --max-examples 25 --seed 1 --workers 1 --warnings off)
done
