#!/usr/bin/env bash
# Prints the path of Debian's promtool, taken out of its package without installing Prometheus.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bounded 900 "$@"

promtool=$cache/promtool
if [ ! -x "$promtool" ]; then
  step 'download the prometheus package'
  work=$(mktemp -d -p "$cache")
  cleanup() { rm -rf "$work"; }
  (
    flock 9
    apt-get update -qq
  ) 9>"$cache/apt.lock" >&2
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root prometheus >&2)
  dpkg --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$work" ./usr/bin/promtool
  mv "$work/usr/bin/promtool" "$promtool"
fi
step 'promtool answers'
printf '# HELP a_total A.\n# TYPE a_total counter\na_total 1\n' | "$promtool" check metrics >&2
echo "$promtool"
