#!/bin/bash
# Run inside a root: the steps of one sequence, and what each of them leaves.
# usage: run.sh DIR      DIR/N.step are shell lines; beside each appear N.code .out .err .tree .info .dep .log
set -u
dir=$1
export K1 K2 R
{ read -r K1; read -r K2; } </etc/test-kernels
R=$(uname -r)
cd /root || exit 1
umask 022

look() {
  places=(/var/lib/dkms /usr/src /lib/modules /etc/dkms)
  for place in /srv/tree /srv/src /srv/modules; do [ ! -d "$place" ] || places+=("$place"); done
  find -H "${places[@]}" \( -path '/usr/src/linux-*' -o -path '/etc/dkms/framework.conf*' \) -prune -o \
    -printf '%y %m %u:%g %p\t%l\n' | LC_ALL=C sort -k4 >"$dir/$1.tree"
  mapfile -t files < <(awk '$1 == "f" || $1 == "l" {print $4}' "$dir/$1.tree" | grep -E '\.ko(\.gz|\.xz|\.zst)?$' | grep -vE '^/lib/modules/[^/]+/kernel/(drivers/net|net|lib)/|^/usr/src/')
  : >"$dir/$1.info"
  [ ${#files[@]} = 0 ] || modinfo "${files[@]}" >"$dir/$1.info" 2>&1
  for dep in /lib/modules/*/modules.dep; do
    [ ! -f "$dep" ] || grep -vE '^kernel/(drivers/net|net|lib)/' "$dep" | LC_ALL=C sort | sed "s|^|$dep: |"
  done >"$dir/$1.dep"
  find -H "${places[@]:0:1}" /srv/tree -name make.log -exec grep -H '^ORACLE' {} + 2>/dev/null | LC_ALL=C sort >"$dir/$1.log"
}

for step in $(cd "$dir" && ls -- *.step | sort -n); do
  n=${step%.step}
  timeout -k 5 120 bash -c "$(cat "$dir/$step")" >"$dir/$n.out" 2>"$dir/$n.err" </dev/null
  echo $? >"$dir/$n.code"
  look "$n"
done
