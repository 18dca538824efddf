# Sourced by the scripts beside it, after `set -euo pipefail`:
#   bounded 600 "$@"        the whole script, at most so many seconds
#   step 'what comes now'   names the step, for the last line: PASS, or FAIL and the step
#   packages NAME…          Debian packages, installed where missing
#   python_packages NAME FILE   what FILE lists, installed once per list: $venv/bin has it
# `cleanup`, where the script defines it, runs at the end, whatever the end was.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cutover/ci
check=$(basename "$0" .sh)
current=start
mkdir -p "$cache"
exec 3>&2 # for the last line: a signal may come where stderr goes elsewhere

bounded() {
  [ "${CUTOVER_BOUNDED:-}" != "$check" ] || return 0
  local seconds=$1
  shift
  CUTOVER_BOUNDED=$check exec timeout --kill-after=30 "$seconds" bash "$0" "$@"
}

step() {
  current=$1
  echo "[$check ${SECONDS}s] $1" >&2
}

packages() {
  dpkg-query -W -f='${db:Status-Abbrev}\n' "$@" 2>/dev/null | grep -cx 'ii ' | grep -qx "$#" && return
  # One at a time: the checks run side by side, and apt has one lock.
  (
    flock 9
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  ) 9>"$cache/apt.lock" >"$cache/$check-apt.log" 2>&1 || {
    tail -20 "$cache/$check-apt.log" >&2
    return 1
  }
}

python_packages() {
  packages python3-venv
  local list
  list=$(sha256sum "$2" | cut -c 1-16)
  venv=$cache/$1-$list
  [ ! -e "$venv/complete" ] || return 0
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-cache-dir --requirement "$2" >&2
  touch "$venv/complete"
}

finish() {
  local code=$?
  trap : TERM INT # `timeout` sends its signal twice: the second must not end the cleaning up
  if [ "$(type -t cleanup)" = function ]; then cleanup || true; fi
  if [ "$code" = 0 ]; then
    echo "PASS $check (${SECONDS} s)" >&3
  else
    echo "FAIL $check at: $current (exit $code, ${SECONDS} s)" >&3
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 143' TERM INT
