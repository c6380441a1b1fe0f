#!/bin/bash
# Shows evermod at work, on a Debian 12 system of its own in a throw-away root: two real drivers follow a kernel upgrade
# made by apt; then a kernel arrives that one of them cannot be built for, and is refused or not as the machine's settings say.
# usage: tests/demo.sh      (make demo)
# Runs as root on Debian 12 or 13. Touches nothing of this machine but its packages (see tests/setup.sh) and the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
. "$here/roots/lib.sh"
started=$SECONDS
step() { printf '\n\033[1m== %s\033[0m  (%d s)\n' "$*" $((SECONDS - started)); }

[ "$(id -u)" = 0 ] || die "the demonstration mounts a Debian root of its own, so it needs root: try sudo make demo"

step "What the demonstration needs on this machine"
cargo_dir=$("$here/setup.sh" --demo --print-path)
PATH=$cargo_dir:$PATH
echo "all there; cargo is $("$cargo_dir/cargo" --version | awk '{print $2}')"

step "Building evermod's package, and beside it a Debian 12 system that is one kernel behind"
# On a fresh machine nothing has made it yet.
mkdir -p "$cache"
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$here/roots/make.sh" demo >"$made" &
roots=$!
make -C "$top" --no-print-directory deb >"$cache/demo-build.log" 2>&1 || {
  tail -30 "$cache/demo-build.log" >&2
  die "make deb failed"
}
wait "$roots" || die "the root could not be made"
package=$(ls -t "$top"/target/dist/evermod_*.deb | head -1)
echo "$(basename "$package"), $(stat -c %s "$package") bytes"

# No network from here on: everything that apt will want was downloaded with the root.
"$here/roots/enter.sh" --offline --bind "$package:/tmp/evermod.deb" --bind "$here/demo-inside.sh:/tmp/demo.sh" \
  "$(cat "$made")" -- bash /tmp/demo.sh

step "Done"
echo "The root's writes are gone; the cache is $cache ($(du -sh "$cache" | cut -f1))."
