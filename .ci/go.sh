# Sourced after common.sh, by scripts that install programs of Go modules; needs `work`, a directory.
#   use_go                            go on the PATH, new enough
#   install_go NAME PACKAGE VERSION   the program as $tools/NAME-VERSION
# Both may be followed by `||`, where `set -e` does not hold.
tools=$cache/tools
go=1.26.8

# The go on the PATH where it is new enough; else Debian's, which is old, fetches a newer one.
use_go() {
  local have
  have=$(go env GOVERSION 2>/dev/null || true)
  [ "$(printf 'go1.26\n%s\n' "$have" | sort -V | head -1)" = go1.26 ] && return
  packages golang-go ca-certificates || return
  local directory
  directory=$(module_directory "golang.org/toolchain@v0.0.1-go$go.linux-$(dpkg --print-architecture)") ||
    return
  chmod -R u+x "$directory/bin" "$directory/pkg/tool" || return
  PATH=$directory/bin:$PATH
}

module_directory() {
  (cd "$work" && go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p'
}

install_go() {
  [ -x "$tools/$1-$3" ] && return
  GOBIN=$work/bin go install "$2@$3" || return
  mkdir -p "$tools"
  mv "$work/bin/$1" "$tools/$1-$3"
}
