#!/bin/bash
# Downloads the corpus' packages into the cache, those that are not there yet. They are input to tests, never installed here.
# usage: fetch.sh [fast|all]
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/../roots/lib.sh"
debs=$cache/corpus/debs
mkdir -p "$debs"
missing=()
while read -r package set; do
  case $package in '' | '#'*) continue ;; esac
  [ "${1:-all}" = all ] || [ "$set" = "$1" ] || continue
  compgen -G "$debs/${package}_*.deb" >/dev/null || missing+=("$package")
done <"$here/packages.tsv"
[ ${#missing[@]} -gt 0 ] || exit 0
say "downloading ${missing[*]}"
layers=$("$here/../roots/make.sh" base)
"$here/../roots/enter.sh" --bind "$debs:/debs" "$layers" -- bash -euc '
  get() { cd /debs && apt-get -q -o APT::Sandbox::User=root download "$@"; }
  # The lists that the root was made with may name versions that the mirror no longer has.
  get "$@" || { apt-get -q update; for p in "$@"; do get "$p" || echo "not to be had: $p" >&2; done; }
' fetch "${missing[@]}" >&2
