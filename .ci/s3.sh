#!/usr/bin/env bash
# Runs what asks a real S3 server against one: versitygw, pinned, on a port and a directory of its
# own. Needs node_modules.
#   .ci/s3.sh             the tests of that kind (test/**/*.real-s3.ts); fails if one is left out
#   .ci/s3.sh COMMAND…    anything else: the AWS_… variables and CUTOVER_TEST_S3_ENDPOINT name it
#   .ci/s3.sh --install   only installs it: a build of two minutes, the first time
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$root/.ci/go.sh"
bounded 1800 "$@"

versitygw=v1.8.0
module=github.com/versity/versitygw
report=.cache/real-s3-tests.json

gateway=
work=$(mktemp -d)
cleanup() {
  [ -z "$gateway" ] || kill "$gateway" 2>/dev/null
  [ -z "$gateway" ] || wait "$gateway" 2>/dev/null
  rm -rf "$work"
}

missing() {
  echo "versitygw $versitygw, the S3 server of these tests, $1" >&2
  exit 1
}

step "install versitygw $versitygw"
use_go || missing 'needs Go 1.26 to be built, and neither is it on the PATH nor could Debian install it.'
install_go versitygw "$module/cmd/versitygw" "$versitygw" ||
  missing 'could not be built: go install says why above. It needs a Go module proxy.'
program=$tools/versitygw-$versitygw
# Its own --version prints no number.
[[ $(go version -m "$program") == *$'\tmod\t'"$module"$'\t'"$versitygw"$'\t'* ]] ||
  missing "is not what $program is. Remove that file."
[ "${1:-}" != --install ] || exit 0

step 'start it'
mkdir "$work/data"
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testtest AWS_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port CUTOVER_TEST_S3_ENDPOINT=http://127.0.0.1:$port
unset AWS_SESSION_TOKEN AWS_PROFILE
ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
  "$program" --port "127.0.0.1:$port" --quiet --keep-alive --health /health \
  posix "$work/data" >"$work/log" 2>&1 &
gateway=$!
for _ in $(seq 100); do
  curl -sf "$CUTOVER_TEST_S3_ENDPOINT/health" >/dev/null && break
  kill -0 "$gateway" 2>/dev/null || {
    cat "$work/log" >&2
    missing "did not start. It needs extended attributes in ${TMPDIR:-/tmp}: name another TMPDIR?"
  }
  sleep 0.1
done
curl -sf "$CUTOVER_TEST_S3_ENDPOINT/health" >/dev/null || missing 'does not answer.'

cd "$root"
if [ $# -gt 0 ]; then
  step "$*"
  "$@"
else
  step 'what asks a real S3 server'
  CI=true npx vitest run real-s3 --outputFile.json="$report"
  step 'nothing was left out'
  node -e 'process.exit(JSON.parse(require("fs").readFileSync(process.argv[1])).numPendingTests)' "$report"
fi
