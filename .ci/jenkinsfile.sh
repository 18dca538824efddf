#!/usr/bin/env bash
# Runs the Jenkinsfile in a stand-in for Jenkins, with stand-ins for docker, npm, apt-get and
# kubectl that write down how they were called: what runs, in which order, on which branch, and
# what happens after a failure. The plugins and the agent themselves are not checked.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bounded 900 "$@"

work=$(mktemp -d)
cleanup() { rm -rf "$work"; }

# Debian's groovy is 2.4, the one that Jenkins runs.
step 'install groovy'
packages groovy default-jre-headless

mkdir "$work/bin"
for name in docker npm apt-get kubectl; do
  cat >"$work/bin/$name" <<'STAND_IN'
#!/bin/sh
echo "$(basename "$0") $*" >>calls
case "$(basename "$0") $*" in "$FAILS"*) exit 1 ;; esac
STAND_IN
done
chmod +x "$work"/bin/*

# pipeline BRANCH FAILS: runs it in a fresh checkout; a command that begins with FAILS fails.
pipeline() {
  rm -rf "$work/checkout"
  mkdir "$work/checkout"
  cp -r "$root/Jenkinsfile" "$root/k8s" "$work/checkout"
  (
    cd "$work/checkout"
    PATH=$work/bin:$PATH FAILS=$2 groovy "$root/.ci/jenkinsfile.groovy" Jenkinsfile "$1" >log 2>&1
  )
}
called() { grep -q -- "$1" "$work/checkout/calls"; }
said() { grep -q -- "$1" "$work/checkout/log"; }
show() { cat "$work/checkout/log" "$work/checkout/calls" >&2; }

step 'on main it builds, tests, deploys and says so'
pipeline main none || { show; exit 1; }
[ "$(grep -c '^stage' "$work/checkout/log")" = 3 ]
called 'docker build --tag registry.example.com/cutover:0123abc'
called 'npm test'
called 'docker push registry.example.com/cutover:0123abc'
called 'kubectl apply -k k8s'
grep -q 'newTag: 0123abc' "$work/checkout/k8s/kustomization.yaml"
said 'slackSend.*tested'

step 'on another branch nothing is deployed'
pipeline feature none || { show; exit 1; }
called 'npm test'
if called kubectl || called 'docker push'; then show; exit 1; fi

step 'after a failed test nothing is deployed, and people are told'
if pipeline main 'npm test'; then show; exit 1; fi
if called kubectl || called 'docker push'; then show; exit 1; fi
said 'slackSend.*failed'

step 'a rollout that does not get ready is undone'
if pipeline main 'kubectl rollout status'; then show; exit 1; fi
called 'kubectl rollout undo'
said 'slackSend.*failed'

step 'an unknown word would be refused'
mkdir "$work/misspelt"
sed 's/^  stages {/  stage_s {/' "$root/Jenkinsfile" >"$work/misspelt/Jenkinsfile"
if groovy "$root/.ci/jenkinsfile.groovy" "$work/misspelt/Jenkinsfile" main &>"$work/misspelt/log"; then
  exit 1
fi
grep -q "'stage_s' is not known in 'pipeline'" "$work/misspelt/log"
