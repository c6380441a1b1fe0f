#!/bin/bash
# Packages of all of Debian's *-dkms packages, for three kernels whose headers are only files, in three formats, made by an ordinary
# user. Ends with the table; the packages, the page and the logs are in target/matrix.
# usage: tests/matrix.sh [fast|more|all]   (make matrix: all; hours with the heavy ones)
# A module that does not build is no failure of this script: old sources and new kernels do not always fit.
# A run that was cut off is gone on with: what it has built waits in target/matrix-kept until one has come to its end.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$here")
set=${1:-all}
"$here/corpus/fetch.sh" "$([ "$set" = fast ] && echo fast || echo all)" >&2
package=$(ls -t "$top"/target/dist/evermod_*.deb | head -1)
layers=$("$here/roots/make.sh" corpus)
headers=$("$here/roots/make.sh" packaging)
debs=${EVERMOD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evermod-tests}/corpus/debs
out=$top/target/matrix
rm -rf "$out"
kept=$top/target/matrix-kept
mkdir -p "$out" "$kept"
case $set in
  all) sets='fast|more|heavy' ;;
  more) sets='fast|more' ;;
  *) sets=fast ;;
esac
names=$(awk -F'\t' -v sets="^($sets)\$" '!/^#/ && $2 ~ sets {print $1}' "$here/corpus/packages.tsv" | tr '\n' ' ')
"$here/roots/enter.sh" --offline --size 40g --bind "$package:/srv/evermod.deb" --bind "$debs:/srv/debs" \
  --bind "${headers%%:*}/srv/headers:/srv/headers" --bind "$out:/srv/out" --bind "$kept:/srv/kept" "$layers" -- env "names=$names" bash -euc '
    apt-get install -y -q --no-install-recommends /srv/evermod.deb >/dev/null
    useradd vendor
    chown vendor /srv/out /srv/kept
    files=()
    for name in $names; do files+=(/srv/debs/"${name}"_*.deb); done
    status=0
    runuser -u vendor -- env XDG_CACHE_HOME=/srv/kept evermod package "${files[@]}" --kernels-from /srv/headers --format deb,rpm,arch --output /srv/out \
      --maintainer "Matrix <matrix@example.org>" || status=$?
    [ "$status" = 0 ] || [ "$status" = 11 ]
  '
rm -rf "$kept"
echo "the page: $out/index.html"
