#!/bin/bash
# Makes the cached root NAME (recipes/NAME.sh) and the roots it stands on, where they are not there yet.
# usage: make.sh NAME   prints its layers, topmost first, joined by ':' (what enter.sh takes)
# The key of a root is the digest of its recipe, of what the recipe is run with, and of its parent's key: a changed
# recipe makes a new root. A root appears under its name only when it is complete.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
name=$1
recipe=$here/recipes/$name.sh
[ -f "$recipe" ] || die "no recipe for a root named $name"
[ "$(id -u)" = 0 ] || die "only root can make a root"
parent=$(sed -n 's/^# parent: *//p' "$recipe")
below=
[ -z "$parent" ] || below=$("$here/make.sh" "$parent")
# Files of shell functions that the recipe uses.
with=
for file in $(sed -n 's/^# with: *//p' "$recipe"); do with="$with $here/$file"; done
key=$({ cat "$recipe" "$here/inside.sh" $with; echo "$(basename "$(dirname "${below%%:*}")")"; } | sha256sum | cut -c1-12)
place=$cache/roots/$name-$key
layers=$place/upper${below:+:$below}

mkdir -p "$cache/roots" "$archives/partial"
exec 9>"$cache/roots/$name.lock"
flock 9
if [ -d "$place" ]; then
  touch -c "$place"
  echo "$layers"
  exit 0
fi
started=$(date +%s)
say "making the root $name ..."
part=$cache/roots/.$name-$key.part
rm -rf --one-file-system "$part"
mkdir -p "$part/upper" "$part/work"
chmod 755 "$part/upper"
log=$cache/roots/$name.log
if [ -z "$parent" ]; then
  ( . "$recipe" ) >"$log" 2>&1 || { tail -30 "$log" >&2; die "the recipe of $name failed; see $log"; }
else
  # One at a time: the roots' apts share one cache of downloads.
  exec 8>"$cache/archives.lock"
  flock 8
  cat "$here/inside.sh" $with "$recipe" | "$here/enter.sh" --archives --upper "$part" "$below" -- bash -eus >"$log" 2>&1 ||
    { tail -30 "$log" >&2; die "the recipe of $name failed; see $log"; }
  exec 8>&-
fi
rm -rf --one-file-system "$part/work"
mv "$part" "$place"
# Roots of recipes that have changed since; one that was used lately may belong to another checkout.
find "$cache/roots" -mindepth 1 -maxdepth 1 -type d -name "$name-*" ! -name "$name-$key" -mtime +2 -exec rm -rf --one-file-system {} +
find "$cache/roots" -mindepth 1 -maxdepth 1 -type d -name ".$name-*.part" ! -name ".$name-$key.part" -mtime +0 -exec rm -rf --one-file-system {} +
say "made the root $name in $(($(date +%s) - started)) s, $(du -sh "$place/upper" | cut -f1)"
echo "$layers"
