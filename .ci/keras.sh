#!/usr/bin/env bash
# Compiles Keras files that Keras writes here and now, and compares what the compiled models answer
# with what Keras answers: small models in every format, and a few whole networks. Needs
# node_modules; fetches Keras and TensorFlow, once per version.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bounded 2400 "$@"

oracle=$root/scripts/keras-oracle
families=MobileNetV2,EfficientNetB0,NASNetMobile
work=$(mktemp -d)
cleanup() { rm -rf "$work"; }

step 'get Keras'
python_packages keras "$oracle/requirements.txt"

cd "$root"
step 'write small models'
"$venv/bin/python" "$oracle/make.py" --out "$work/small" --few >"$work/small.log" 2>&1 ||
  { tail -20 "$work/small.log" >&2; exit 1; }
step 'compare small models'
node --import tsx scripts/keras-oracle/check.ts "$work/small"

step 'write whole networks'
"$venv/bin/python" "$oracle/families.py" --out "$work/families" --only "$families" \
  >"$work/families.log" 2>&1 || { tail -20 "$work/families.log" >&2; exit 1; }
step 'compare whole networks'
node --import tsx scripts/keras-oracle/families.ts "$work/families"
